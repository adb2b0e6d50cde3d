#include "textflag.h"

// func masksAVX2(dst *uint64, src *byte, n int, a, b, c byte)
TEXT ·masksAVX2(SB), NOSPLIT, $0-27
	MOVQ         dst+0(FP), DI
	MOVQ         src+8(FP), SI
	MOVQ         n+16(FP), CX
	VPBROADCASTB a+24(FP), Y1
	VPBROADCASTB b+25(FP), Y2
	VPBROADCASTB c+26(FP), Y3

loop:
	VMOVDQU   (SI), Y4
	VMOVDQU   32(SI), Y5
	VPCMPEQB  Y1, Y4, Y6
	VPCMPEQB  Y2, Y4, Y7
	VPCMPEQB  Y3, Y4, Y8
	VPOR      Y6, Y7, Y6
	VPOR      Y6, Y8, Y6
	VPMOVMSKB Y6, AX
	VPCMPEQB  Y1, Y5, Y6
	VPCMPEQB  Y2, Y5, Y7
	VPCMPEQB  Y3, Y5, Y8
	VPOR      Y6, Y7, Y6
	VPOR      Y6, Y8, Y6
	VPMOVMSKB Y6, BX
	SHLQ      $32, BX
	ORQ       BX, AX
	MOVQ      AX, (DI)
	ADDQ      $64, SI
	ADDQ      $8, DI
	DECQ      CX
	JNZ       loop
	VZEROUPPER
	RET
