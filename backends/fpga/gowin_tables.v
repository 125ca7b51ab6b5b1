// Every table as a LUT4: nextpnr 0.11 leaves paths through LUT1, LUT2 and LUT3 out of its timing.
(* techmap_celltype = "$lut" *)
module table_of_four(A, Y);
  parameter WIDTH = 0;
  parameter LUT = 0;
  input [WIDTH-1:0] A;
  output Y;
  generate
    if (WIDTH == 1)
      LUT4 #(.INIT({8{LUT[1:0]}})) _TECHMAP_REPLACE_(.F(Y), .I0(A[0]));
    else if (WIDTH == 2)
      LUT4 #(.INIT({4{LUT[3:0]}})) _TECHMAP_REPLACE_(.F(Y), .I0(A[0]), .I1(A[1]));
    else if (WIDTH == 3)
      LUT4 #(.INIT({2{LUT[7:0]}})) _TECHMAP_REPLACE_(.F(Y), .I0(A[0]), .I1(A[1]), .I2(A[2]));
    else if (WIDTH == 4)
      LUT4 #(.INIT(LUT[15:0])) _TECHMAP_REPLACE_(.F(Y), .I0(A[0]), .I1(A[1]), .I2(A[2]), .I3(A[3]));
    else
      wire _TECHMAP_FAIL_ = 1;
  endgenerate
endmodule
