// What pads, oscillators and start-up cells of the chips do, for simulation alone, and only so far
// as designs of Lithify use them: inputs and outputs without registers.
`timescale 1ns / 1ps

// iCE40

module SB_IO (inout PACKAGE_PIN, output D_IN_0, input D_OUT_0, input OUTPUT_ENABLE);
  parameter [5:0] PIN_TYPE = 6'b000000;
  parameter PULLUP = 1'b0;
  parameter IO_STANDARD = "SB_LVCMOS";
  assign D_IN_0 = PACKAGE_PIN;
  generate
    if (PIN_TYPE[5:2] == 4'b0110) assign PACKAGE_PIN = D_OUT_0;
    else if (PIN_TYPE[5:2] == 4'b1010) assign PACKAGE_PIN = OUTPUT_ENABLE ? D_OUT_0 : 1'bz;
  endgenerate
endmodule

module SB_GB_IO (inout PACKAGE_PIN, output GLOBAL_BUFFER_OUTPUT, output D_IN_0,
                 input D_OUT_0, input OUTPUT_ENABLE);
  parameter [5:0] PIN_TYPE = 6'b000000;
  parameter PULLUP = 1'b0;
  parameter IO_STANDARD = "SB_LVCMOS";
  assign GLOBAL_BUFFER_OUTPUT = PACKAGE_PIN;
  assign D_IN_0 = PACKAGE_PIN;
endmodule

module SB_HFOSC (input CLKHFEN, input CLKHFPU, output reg CLKHF);
  parameter CLKHF_DIV = "0b00";
  localparam real HALF = CLKHF_DIV == "0b00" ? 125.0 / 12
                       : CLKHF_DIV == "0b01" ? 125.0 / 6
                       : CLKHF_DIV == "0b10" ? 125.0 / 3 : 250.0 / 3;
  initial CLKHF = 1'b0;
  always #(HALF) CLKHF = ~CLKHF & CLKHFEN & CLKHFPU;
endmodule

// ECP5

module IB (input I, output O);
  assign O = I;
endmodule

module OBZ (input I, input T, output O);
  assign O = T ? 1'bz : I;
endmodule

module SGSR (input CLK, input GSR);
endmodule

module FD1S3AX (input D, input CK, output reg Q);
  parameter GSR = "ENABLED";
  initial Q = 1'b0;
  always @(posedge CK) Q <= D;
endmodule

// Gowin

module IBUF (input I, output O);
  assign O = I;
endmodule

module TBUF (input I, input OEN, output O);
  assign O = OEN ? 1'bz : I;
endmodule
