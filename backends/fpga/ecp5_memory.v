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


  wire [13:0] address_a = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3,
    ADA2, ADA1, ADA0};
  wire [17:0] given_a = {DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7,
    DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0};
  wire [9:0] word_a = {address_a[13:5], DATA_WIDTH_A == 36 | address_a[4]};
  wire [10:0] low_a = {word_a, DATA_WIDTH_A < 18 & address_a[3]};
  wire [10:0] high_a = {word_a, 1'b1};
  wire write_a = CEA & WEA;
  reg [17:0] found_a;
  wire taken_a = CEA & ~(WEA & WRITEMODE_A == "NORMAL");
  always @(posedge CLKA) if (taken_a) found_a <= {bytes[high_a], bytes[low_a]};
  reg [2:0] place_a;
  always @(posedge CLKA) if (taken_a) place_a <= address_a[2:0];
  wire [17:0] read_a;
  wire [8:0] mask_a, byte_a;
  generate
    if (DATA_WIDTH_A == 18) begin
      assign read_a = found_a;
      assign mask_a = {9{address_a[0]}};
      assign byte_a = given_a[8:0];
      always @(posedge CLKA) if (write_a & address_a[1]) bytes[high_a] <= given_a[17:9];
    end else if (DATA_WIDTH_A == 9) begin
      assign read_a = {9'b0, found_a[8:0]};
      assign mask_a = 9'h1ff;
      assign byte_a = given_a[8:0];
    end else if (DATA_WIDTH_A == 4) begin
      assign read_a = {14'b0, place_a[2] ? found_a[7:4] : found_a[3:0]};
      assign mask_a = {1'b0, {4{address_a[2]}}, {4{~address_a[2]}}};
      assign byte_a = {1'b0, {2{given_a[3:0]}}};
    end else if (DATA_WIDTH_A == 2) begin
      wire [3:0] half_a = place_a[2] ? found_a[7:4] : found_a[3:0];
      assign read_a = {16'b0, place_a[1] ? half_a[3:2] : half_a[1:0]};
      assign mask_a = {1'b0, {2{address_a[2:1] == 3}}, {2{address_a[2:1] == 2}}, {2{address_a[2:1]
    == 1}}, {2{address_a[2:1] == 0}}};
      assign byte_a = {1'b0, {4{given_a[1:0]}}};
    end else if (DATA_WIDTH_A == 1) begin
      wire [3:0] half_a = place_a[2] ? found_a[7:4] : found_a[3:0];
      wire [1:0] pair_a = place_a[1] ? half_a[3:2] : half_a[1:0];
      assign read_a = {17'b0, place_a[0] ? pair_a[1] : pair_a[0]};
      assign mask_a = {1'b0, address_a[2:0] == 7, address_a[2:0] == 6, address_a[2:0] == 5,
    address_a[2:0] == 4, address_a[2:0] == 3, address_a[2:0] == 2, address_a[2:0] == 1,
    address_a[2:0] == 0};
      assign byte_a = {1'b0, {8{given_a[0]}}};
    end else if (DATA_WIDTH_A == 36) begin
      assign read_a = found_a;
      assign mask_a = {9{address_a[2]}};
      assign byte_a = given_b[8:0];
      always @(posedge CLKA) begin
        if (write_a & address_a[3]) bytes[high_a] <= given_b[17:9];
        if (write_a & address_a[1]) bytes[{address_a[13:5], 2'b01}] <= given_a[17:9];
        if (write_a & address_a[0]) bytes[{address_a[13:5], 2'b00}] <= given_a[8:0];
      end
    end else block_ram_of_another_width width_a();
    if (REGMODE_A != "NOREG" || CSDECODE_A != "0b000" || (WRITEMODE_A != "READBEFOREWRITE" &&
    WRITEMODE_A != "NORMAL")
        || CLKAMUX != "CLKA") block_ram_in_another_mode mode_a();
  endgenerate
  assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5,
    DOA4, DOA3, DOA2, DOA1, DOA0} = DATA_WIDTH_B == 36 ? below_b : read_a;
  integer bit_a;
  always @(posedge CLKA)
    for (bit_a = 0; bit_a < 9; bit_a = bit_a + 1)
      if (write_a & mask_a[bit_a]) bytes[low_a][bit_a] <= byte_a[bit_a];

  wire [13:0] address_b = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3,
    ADB2, ADB1, ADB0};
  wire [17:0] given_b = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7,
    DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0};
  wire [9:0] word_b = {address_b[13:5], DATA_WIDTH_B == 36 | address_b[4]};
  wire [10:0] low_b = {word_b, DATA_WIDTH_B < 18 & address_b[3]};
  wire [10:0] high_b = {word_b, 1'b1};
  wire write_b = CEB & WEB;
  reg [17:0] found_b;
  wire taken_b = CEB & ~(WEB & WRITEMODE_B == "NORMAL");
  always @(posedge CLKB) if (taken_b) found_b <= {bytes[high_b], bytes[low_b]};
  reg [2:0] place_b;
  always @(posedge CLKB) if (taken_b) place_b <= address_b[2:0];
  wire [17:0] read_b;
  wire [8:0] mask_b, byte_b;
  generate
    if (DATA_WIDTH_B == 18) begin
      assign read_b = found_b;
      assign mask_b = {9{address_b[0]}};
      assign byte_b = given_b[8:0];
      always @(posedge CLKB) if (write_b & address_b[1]) bytes[high_b] <= given_b[17:9];
    end else if (DATA_WIDTH_B == 9) begin
      assign read_b = {9'b0, found_b[8:0]};
      assign mask_b = 9'h1ff;
      assign byte_b = given_b[8:0];
    end else if (DATA_WIDTH_B == 4) begin
      assign read_b = {14'b0, place_b[2] ? found_b[7:4] : found_b[3:0]};
      assign mask_b = {1'b0, {4{address_b[2]}}, {4{~address_b[2]}}};
      assign byte_b = {1'b0, {2{given_b[3:0]}}};
    end else if (DATA_WIDTH_B == 2) begin
      wire [3:0] half_b = place_b[2] ? found_b[7:4] : found_b[3:0];
      assign read_b = {16'b0, place_b[1] ? half_b[3:2] : half_b[1:0]};
      assign mask_b = {1'b0, {2{address_b[2:1] == 3}}, {2{address_b[2:1] == 2}}, {2{address_b[2:1]
    == 1}}, {2{address_b[2:1] == 0}}};
      assign byte_b = {1'b0, {4{given_b[1:0]}}};
    end else if (DATA_WIDTH_B == 1) begin
      wire [3:0] half_b = place_b[2] ? found_b[7:4] : found_b[3:0];
      wire [1:0] pair_b = place_b[1] ? half_b[3:2] : half_b[1:0];
      assign read_b = {17'b0, place_b[0] ? pair_b[1] : pair_b[0]};
      assign mask_b = {1'b0, address_b[2:0] == 7, address_b[2:0] == 6, address_b[2:0] == 5,
    address_b[2:0] == 4, address_b[2:0] == 3, address_b[2:0] == 2, address_b[2:0] == 1,
    address_b[2:0] == 0};
      assign byte_b = {1'b0, {8{given_b[0]}}};
    end else if (DATA_WIDTH_B == 36) begin
      assign read_b = found_b;
      assign mask_b = {9{address_b[2]}};
      assign byte_b = given_b[8:0];
      always @(posedge CLKB) begin
        if (write_b & address_b[3]) bytes[high_b] <= given_b[17:9];
        if (write_b & address_b[1]) bytes[{address_b[13:5], 2'b01}] <= given_a[17:9];
        if (write_b & address_b[0]) bytes[{address_b[13:5], 2'b00}] <= given_a[8:0];
      end
    end else block_ram_of_another_width width_b();
    if (REGMODE_B != "NOREG" || CSDECODE_B != "0b000" || (WRITEMODE_B != "READBEFOREWRITE" &&
    WRITEMODE_B != "NORMAL")
        || CLKBMUX != "CLKB") block_ram_in_another_mode mode_b();
  endgenerate
  assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5,
    DOB4, DOB3, DOB2, DOB1, DOB0} = read_b;
  integer bit_b;
  always @(posedge CLKB)
    for (bit_b = 0; bit_b < 9; bit_b = bit_b + 1)
      if (write_b & mask_b[bit_b]) bytes[low_b][bit_b] <= byte_b[bit_b];

  reg [17:0] below_b;
  always @(posedge CLKB) if (taken_b)
    below_b <= {bytes[{address_b[13:5], 2'b01}], bytes[{address_b[13:5], 2'b00}]};
endmodule
