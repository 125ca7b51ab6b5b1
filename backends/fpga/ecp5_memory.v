// What a block RAM of the ECP5 does without its output registers: two ports of 1, 2, 4, 9 or 18
// bits each, or of 36 that share their data pins, over bytes of nine bits. After Lattice's technical
// note TN1264, "ECP5 and ECP5-5G Memory Usage Guide". A setting that is not told here is a module
// that there is not.
module DP16KD(
  input DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4,
    DIA3, DIA2, DIA1, DIA0,
  input ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
  input CEA, OCEA, CLKA, WEA, RSTA, CSA2, CSA1, CSA0,
  output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5,
    DOA4, DOA3, DOA2, DOA1, DOA0,
  input DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4,
    DIB3, DIB2, DIB1, DIB0,
  input ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
  input CEB, OCEB, CLKB, WEB, RSTB, CSB2, CSB1, CSB0,
  output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5,
    DOB4, DOB3, DOB2, DOB1, DOB0
);
  parameter DATA_WIDTH_A = 18, REGMODE_A = "NOREG", CSDECODE_A = "0b000";
  parameter WRITEMODE_A = "NORMAL", CLKAMUX = "CLKA";
  parameter DATA_WIDTH_B = 18, REGMODE_B = "NOREG", CSDECODE_B = "0b000";
  parameter WRITEMODE_B = "NORMAL", CLKBMUX = "CLKB";
  parameter RESETMODE = "SYNC", ASYNC_RESET_RELEASE = "SYNC", GSR = "ENABLED";
  parameter [319:0]
    INITVAL_00 = 320'b0,
    INITVAL_01 = 320'b0,
    INITVAL_02 = 320'b0,
    INITVAL_03 = 320'b0,
    INITVAL_04 = 320'b0,
    INITVAL_05 = 320'b0,
    INITVAL_06 = 320'b0,
    INITVAL_07 = 320'b0,
    INITVAL_08 = 320'b0,
    INITVAL_09 = 320'b0,
    INITVAL_0A = 320'b0,
    INITVAL_0B = 320'b0,
    INITVAL_0C = 320'b0,
    INITVAL_0D = 320'b0,
    INITVAL_0E = 320'b0,
    INITVAL_0F = 320'b0,
    INITVAL_10 = 320'b0,
    INITVAL_11 = 320'b0,
    INITVAL_12 = 320'b0,
    INITVAL_13 = 320'b0,
    INITVAL_14 = 320'b0,
    INITVAL_15 = 320'b0,
    INITVAL_16 = 320'b0,
    INITVAL_17 = 320'b0,
    INITVAL_18 = 320'b0,
    INITVAL_19 = 320'b0,
    INITVAL_1A = 320'b0,
    INITVAL_1B = 320'b0,
    INITVAL_1C = 320'b0,
    INITVAL_1D = 320'b0,
    INITVAL_1E = 320'b0,
    INITVAL_1F = 320'b0,
    INITVAL_20 = 320'b0,
    INITVAL_21 = 320'b0,
    INITVAL_22 = 320'b0,
    INITVAL_23 = 320'b0,
    INITVAL_24 = 320'b0,
    INITVAL_25 = 320'b0,
    INITVAL_26 = 320'b0,
    INITVAL_27 = 320'b0,
    INITVAL_28 = 320'b0,
    INITVAL_29 = 320'b0,
    INITVAL_2A = 320'b0,
    INITVAL_2B = 320'b0,
    INITVAL_2C = 320'b0,
    INITVAL_2D = 320'b0,
    INITVAL_2E = 320'b0,
    INITVAL_2F = 320'b0,
    INITVAL_30 = 320'b0,
    INITVAL_31 = 320'b0,
    INITVAL_32 = 320'b0,
    INITVAL_33 = 320'b0,
    INITVAL_34 = 320'b0,
    INITVAL_35 = 320'b0,
    INITVAL_36 = 320'b0,
    INITVAL_37 = 320'b0,
    INITVAL_38 = 320'b0,
    INITVAL_39 = 320'b0,
    INITVAL_3A = 320'b0,
    INITVAL_3B = 320'b0,
    INITVAL_3C = 320'b0,
    INITVAL_3D = 320'b0,
    INITVAL_3E = 320'b0,
    INITVAL_3F = 320'b0;

  localparam [20479:0] ALL = {
    INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A,
    INITVAL_39, INITVAL_38, INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34,
    INITVAL_33, INITVAL_32, INITVAL_31, INITVAL_30, INITVAL_2F, INITVAL_2E,
    INITVAL_2D, INITVAL_2C, INITVAL_2B, INITVAL_2A, INITVAL_29, INITVAL_28,
    INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24, INITVAL_23, INITVAL_22,
    INITVAL_21, INITVAL_20, INITVAL_1F, INITVAL_1E, INITVAL_1D, INITVAL_1C,
    INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18, INITVAL_17, INITVAL_16,
    INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10,
    INITVAL_0F, INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A,
    INITVAL_09, INITVAL_08, INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04,
    INITVAL_03, INITVAL_02, INITVAL_01, INITVAL_00};

  reg [8:0] bytes [0:2047];
  integer word;
  initial
    for (word = 0; word < 1024; word = word + 1) begin
      bytes[2 * word] = ALL[20 * word +: 9];
      bytes[2 * word + 1] = ALL[20 * word + 9 +: 9];
    end

  // Port A is the lower half of all of these, port B the upper.
  wire [27:0] addresses = {
    ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
    ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
  wire [35:0] given = {
    DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4,
    DIB3, DIB2, DIB1, DIB0,
    DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4,
    DIA3, DIA2, DIA1, DIA0};
  wire [35:0] read;
  assign {
    DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4,
    DOB3, DOB2, DOB1, DOB0,
    DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4,
    DOA3, DOA2, DOA1, DOA0} =
    DATA_WIDTH_B == 36 ? {read[35:18], below} : read;

  genvar port;
  generate
    for (port = 0; port < 2; port = port + 1) begin: ports
      localparam WIDTH = port ? DATA_WIDTH_B : DATA_WIDTH_A;
      localparam NORMAL = port ? WRITEMODE_B == "NORMAL" : WRITEMODE_A == "NORMAL";
      wire clock = port ? CLKB : CLKA;
      wire write = port ? CEB & WEB : CEA & WEA;
      wire taken = (port ? CEB : CEA) & ~(write & NORMAL);
      wire [13:0] address = addresses[14 * port +: 14];
      wire [17:0] data = WIDTH == 36 ? given[35:18] : given[18 * port +: 18];
      wire [9:0] place = {address[13:5], WIDTH == 36 | address[4]};
      wire [10:0] low = {place, WIDTH < 18 & address[3]};
      wire [10:0] high = {place, 1'b1};
      reg [17:0] found;
      reg [2:0] part;
      always @(posedge clock)
        if (taken) begin
          found <= {bytes[high], bytes[low]};
          part <= address[2:0];
        end
      wire [3:0] half = part[2] ? found[7:4] : found[3:0];
      wire [1:0] pair = part[1] ? half[3:2] : half[1:0];
      assign read[18 * port +: 18] = WIDTH >= 18 ? found : WIDTH == 9 ? found[8:0]
        : WIDTH == 4 ? half : WIDTH == 2 ? pair : part[0] ? pair[1] : pair[0];
      wire [8:0] given_byte = WIDTH >= 9 ? data[8:0] : WIDTH == 4 ? {2{data[3:0]}}
        : WIDTH == 2 ? {4{data[1:0]}} : {8{data[0]}};
      integer i;
      always @(posedge clock)
        for (i = 0; i < 9; i = i + 1)
          if (write & (WIDTH == 36 ? address[2] : WIDTH == 18 ? address[0] : WIDTH == 9
              | i < 8 & (WIDTH == 4 ? address[2] == i / 4 : WIDTH == 2 ? address[2:1] == i / 2
                : address[2:0] == i)))
            bytes[low][i] <= given_byte[i];
      if (WIDTH >= 18)
        always @(posedge clock)
          if (write & (WIDTH == 36 ? address[3] : address[1])) bytes[high] <= data[17:9];
      if (WIDTH == 36)
        always @(posedge clock) begin
          if (write & address[1]) bytes[{address[13:5], 2'b01}] <= given[17:9];
          if (write & address[0]) bytes[{address[13:5], 2'b00}] <= given[8:0];
        end
      if (WIDTH != 1 && WIDTH != 2 && WIDTH != 4 && WIDTH != 9 && WIDTH != 18 && WIDTH != 36)
        block_ram_of_another_width other();
    end
    if (REGMODE_A != "NOREG" || REGMODE_B != "NOREG" || CLKAMUX != "CLKA" || CLKBMUX != "CLKB"
        || CSDECODE_A != "0b000" || CSDECODE_B != "0b000"
        || (WRITEMODE_A != "READBEFOREWRITE" && WRITEMODE_A != "NORMAL")
        || (WRITEMODE_B != "READBEFOREWRITE" && WRITEMODE_B != "NORMAL"))
      block_ram_in_another_mode other();
  endgenerate

  reg [17:0] below;
  always @(posedge CLKB)
    if (CEB) below <= {bytes[{addresses[27:19], 2'b01}], bytes[{addresses[27:19], 2'b00}]};
endmodule
