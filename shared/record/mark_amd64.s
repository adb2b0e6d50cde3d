#include "textflag.h"

// func marksAVX2(dst *marks, src *byte, n int, delim, eol byte) (seen byte)
//
// Y1 delimiters, Y2 line ends, Y3 quotes, Y9 the least of all bytes, Y10 their
// high bits.
TEXT ·marksAVX2(SB), NOSPLIT, $0-33
	MOVQ         dst+0(FP), DI
	MOVQ         src+8(FP), SI
	MOVQ         n+16(FP), CX
	VPBROADCASTB delim+24(FP), Y1
	VPBROADCASTB eol+25(FP), Y2
	MOVQ         $0x22, AX
	MOVQ         AX, X3
	VPBROADCASTB X3, Y3
	VPCMPEQB     Y9, Y9, Y9
	VPXOR        Y10, Y10, Y10

loop:
	VMOVDQU   (SI), Y4
	VMOVDQU   32(SI), Y5
	VPMINUB   Y4, Y9, Y9
	VPOR      Y4, Y10, Y10
	VPMINUB   Y5, Y9, Y9
	VPOR      Y5, Y10, Y10
	VPCMPEQB  Y1, Y4, Y6
	VPCMPEQB  Y2, Y4, Y7
	VPOR      Y6, Y7, Y6
	VPMOVMSKB Y6, AX
	VPCMPEQB  Y1, Y5, Y6
	VPCMPEQB  Y2, Y5, Y7
	VPOR      Y6, Y7, Y6
	VPMOVMSKB Y6, BX
	SHLQ      $32, BX
	ORQ       BX, AX
	MOVQ      AX, (DI)
	VPCMPEQB  Y3, Y4, Y8
	VPMOVMSKB Y8, AX
	VPCMPEQB  Y3, Y5, Y8
	VPMOVMSKB Y8, BX
	SHLQ      $32, BX
	ORQ       BX, AX
	MOVQ      AX, 8(DI)
	ADDQ      $64, SI
	ADDQ      $16, DI
	DECQ      CX
	JNZ       loop

	VPMOVMSKB Y10, AX
	XORL      R8, R8
	TESTL     AX, AX
	SETNE     R8
	VPXOR     Y6, Y6, Y6
	VPCMPEQB  Y6, Y9, Y9
	VPMOVMSKB Y9, BX
	XORL      R9, R9
	TESTL     BX, BX
	SETNE     R9
	SHLL      $1, R9
	ORL       R9, R8
	MOVB      R8, seen+32(FP)
	VZEROUPPER
	RET

// func flattenBMI(dst *uint32, words *uint64, n int, base uint32) (count int)
//
// Eight bits are taken of each word whether it has as many or not: whether it
// does would be mispredicted too often.
TEXT ·flattenBMI(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ words+8(FP), SI
	MOVQ n+16(FP), CX
	MOVL base+24(FP), BX
	MOVQ DI, R8

word:
	MOVQ    (SI), AX
	POPCNTQ AX, DX
	TZCNTQ  AX, R9
	BLSRQ   AX, AX
	TZCNTQ  AX, R10
	BLSRQ   AX, AX
	TZCNTQ  AX, R11
	BLSRQ   AX, AX
	TZCNTQ  AX, R12
	BLSRQ   AX, AX
	ADDL    BX, R9
	ADDL    BX, R10
	ADDL    BX, R11
	ADDL    BX, R12
	MOVL    R9, (DI)
	MOVL    R10, 4(DI)
	MOVL    R11, 8(DI)
	MOVL    R12, 12(DI)
	TZCNTQ  AX, R9
	BLSRQ   AX, AX
	TZCNTQ  AX, R10
	BLSRQ   AX, AX
	TZCNTQ  AX, R11
	BLSRQ   AX, AX
	TZCNTQ  AX, R12
	BLSRQ   AX, AX
	ADDL    BX, R9
	ADDL    BX, R10
	ADDL    BX, R11
	ADDL    BX, R12
	MOVL    R9, 16(DI)
	MOVL    R10, 20(DI)
	MOVL    R11, 24(DI)
	MOVL    R12, 28(DI)
	TESTQ   AX, AX
	JZ      next
	LEAQ    32(DI), R13

more:
	TZCNTQ AX, R9
	ADDL   BX, R9
	MOVL   R9, (R13)
	ADDQ   $4, R13
	BLSRQ  AX, AX
	JNZ    more

next:
	LEAQ (DI)(DX*4), DI
	ADDL $64, BX
	ADDQ $8, SI
	DECQ CX
	JNZ  word
	SUBQ R8, DI
	SHRQ $2, DI
	MOVQ DI, count+32(FP)
	RET
