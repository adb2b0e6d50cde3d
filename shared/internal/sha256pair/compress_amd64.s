#include "textflag.h"

// The round constants of SHA-256 (FIPS 180-4, section 4.2.2).
DATA constants<>+0(SB)/8, $0x71374491428a2f98
DATA constants<>+8(SB)/8, $0xe9b5dba5b5c0fbcf
DATA constants<>+16(SB)/8, $0x59f111f13956c25b
DATA constants<>+24(SB)/8, $0xab1c5ed5923f82a4
DATA constants<>+32(SB)/8, $0x12835b01d807aa98
DATA constants<>+40(SB)/8, $0x550c7dc3243185be
DATA constants<>+48(SB)/8, $0x80deb1fe72be5d74
DATA constants<>+56(SB)/8, $0xc19bf1749bdc06a7
DATA constants<>+64(SB)/8, $0xefbe4786e49b69c1
DATA constants<>+72(SB)/8, $0x240ca1cc0fc19dc6
DATA constants<>+80(SB)/8, $0x4a7484aa2de92c6f
DATA constants<>+88(SB)/8, $0x76f988da5cb0a9dc
DATA constants<>+96(SB)/8, $0xa831c66d983e5152
DATA constants<>+104(SB)/8, $0xbf597fc7b00327c8
DATA constants<>+112(SB)/8, $0xd5a79147c6e00bf3
DATA constants<>+120(SB)/8, $0x1429296706ca6351
DATA constants<>+128(SB)/8, $0x2e1b213827b70a85
DATA constants<>+136(SB)/8, $0x53380d134d2c6dfc
DATA constants<>+144(SB)/8, $0x766a0abb650a7354
DATA constants<>+152(SB)/8, $0x92722c8581c2c92e
DATA constants<>+160(SB)/8, $0xa81a664ba2bfe8a1
DATA constants<>+168(SB)/8, $0xc76c51a3c24b8b70
DATA constants<>+176(SB)/8, $0xd6990624d192e819
DATA constants<>+184(SB)/8, $0x106aa070f40e3585
DATA constants<>+192(SB)/8, $0x1e376c0819a4c116
DATA constants<>+200(SB)/8, $0x34b0bcb52748774c
DATA constants<>+208(SB)/8, $0x4ed8aa4a391c0cb3
DATA constants<>+216(SB)/8, $0x682e6ff35b9cca4f
DATA constants<>+224(SB)/8, $0x78a5636f748f82ee
DATA constants<>+232(SB)/8, $0x8cc7020884c87814
DATA constants<>+240(SB)/8, $0xa4506ceb90befffa
DATA constants<>+248(SB)/8, $0xc67178f2bef9a3f7
GLOBL constants<>(SB), RODATA|NOPTR, $256

// Turns the bytes of each word around: messages are big-endian.
DATA turn<>+0(SB)/8, $0x0405060700010203
DATA turn<>+8(SB)/8, $0x0c0d0e0f08090a0b
GLOBL turn<>(SB), RODATA|NOPTR, $16

// Turns the bytes of each half around.
DATA reverse<>+0(SB)/8, $0x0001020304050607
DATA reverse<>+8(SB)/8, $0x08090a0b0c0d0e0f
GLOBL reverse<>(SB), RODATA|NOPTR, $16

// Four rounds of both lanes: words a and b of their messages, whose states are
// X1, X2 and X3, X4. X0 is the operand of SHA256RNDS2 that has no name.
#define ROUNDS(at, a, b) \
	MOVO        a, X0          \
	PADDD       at(AX), X0     \
	SHA256RNDS2 X0, X1, X2     \
	PSHUFD      $0x0e, X0, X5  \
	MOVO        b, X0          \
	PADDD       at(AX), X0     \
	SHA256RNDS2 X0, X3, X4     \
	PSHUFD      $0x0e, X0, X6  \
	MOVO        X5, X0         \
	SHA256RNDS2 X0, X2, X1     \
	MOVO        X6, X0         \
	SHA256RNDS2 X0, X4, X3

// The next words of a message from its last 16, now and before, of which the
// oldest have been through SHA256MSG1.
#define SCHEDULE(next, now, before) \
	MOVO       now, X7         \
	PALIGNR    $4, before, X7  \
	PADDD      X7, next        \
	SHA256MSG2 now, next

// A state lies in memory as the digest that it is: words A to H, big-endian. In
// the registers the first is F, E, B, A and the second H, G, D, C.
#define LOAD(from, first, second) \
	MOVOU      (from), X5       \
	MOVOU      16(from), first  \
	PSHUFB     X6, X5           \
	PSHUFB     X6, first        \
	MOVO       first, second    \
	PUNPCKLQDQ X5, first        \
	PUNPCKHQDQ X5, second

// Adds the state at from to first and second, and writes the sum to to.
#define STORE(from, first, second, to) \
	LOAD(from, X0, X7)              \
	PADDD      X0, first            \
	PADDD      X7, second           \
	MOVO       first, X5            \
	PUNPCKHQDQ second, X5           \
	PUNPCKLQDQ second, first        \
	PSHUFB     X6, X5               \
	PSHUFB     X6, first            \
	MOVOU      X5, (to)             \
	MOVOU      first, 16(to)

// func compress(p, q, a, b *[32]byte, x, y *[64]byte)
TEXT ·compress(SB), NOSPLIT, $0-48
	MOVQ  a+16(FP), DI
	MOVQ  b+24(FP), SI
	MOVQ  x+32(FP), R8
	MOVQ  y+40(FP), R9
	LEAQ  constants<>(SB), AX
	MOVOU reverse<>(SB), X6
	LOAD(DI, X1, X2)
	LOAD(SI, X3, X4)
	MOVOU turn<>(SB), X7
	MOVOU 0(R8), X8
	PSHUFB X7, X8
	MOVOU 0(R9), X12
	PSHUFB X7, X12
	MOVOU 16(R8), X9
	PSHUFB X7, X9
	MOVOU 16(R9), X13
	PSHUFB X7, X13
	MOVOU 32(R8), X10
	PSHUFB X7, X10
	MOVOU 32(R9), X14
	PSHUFB X7, X14
	MOVOU 48(R8), X11
	PSHUFB X7, X11
	MOVOU 48(R9), X15
	PSHUFB X7, X15

	ROUNDS(0, X8, X12)
	ROUNDS(16, X9, X13)
	SHA256MSG1 X9, X8
	SHA256MSG1 X13, X12
	ROUNDS(32, X10, X14)
	SHA256MSG1 X10, X9
	SHA256MSG1 X14, X13
	ROUNDS(48, X11, X15)
	SCHEDULE(X8, X11, X10)
	SCHEDULE(X12, X15, X14)
	SHA256MSG1 X11, X10
	SHA256MSG1 X15, X14
	ROUNDS(64, X8, X12)
	SCHEDULE(X9, X8, X11)
	SCHEDULE(X13, X12, X15)
	SHA256MSG1 X8, X11
	SHA256MSG1 X12, X15
	ROUNDS(80, X9, X13)
	SCHEDULE(X10, X9, X8)
	SCHEDULE(X14, X13, X12)
	SHA256MSG1 X9, X8
	SHA256MSG1 X13, X12
	ROUNDS(96, X10, X14)
	SCHEDULE(X11, X10, X9)
	SCHEDULE(X15, X14, X13)
	SHA256MSG1 X10, X9
	SHA256MSG1 X14, X13
	ROUNDS(112, X11, X15)
	SCHEDULE(X8, X11, X10)
	SCHEDULE(X12, X15, X14)
	SHA256MSG1 X11, X10
	SHA256MSG1 X15, X14
	ROUNDS(128, X8, X12)
	SCHEDULE(X9, X8, X11)
	SCHEDULE(X13, X12, X15)
	SHA256MSG1 X8, X11
	SHA256MSG1 X12, X15
	ROUNDS(144, X9, X13)
	SCHEDULE(X10, X9, X8)
	SCHEDULE(X14, X13, X12)
	SHA256MSG1 X9, X8
	SHA256MSG1 X13, X12
	ROUNDS(160, X10, X14)
	SCHEDULE(X11, X10, X9)
	SCHEDULE(X15, X14, X13)
	SHA256MSG1 X10, X9
	SHA256MSG1 X14, X13
	ROUNDS(176, X11, X15)
	SCHEDULE(X8, X11, X10)
	SCHEDULE(X12, X15, X14)
	SHA256MSG1 X11, X10
	SHA256MSG1 X15, X14
	ROUNDS(192, X8, X12)
	SCHEDULE(X9, X8, X11)
	SCHEDULE(X13, X12, X15)
	SHA256MSG1 X8, X11
	SHA256MSG1 X12, X15
	ROUNDS(208, X9, X13)
	SCHEDULE(X10, X9, X8)
	SCHEDULE(X14, X13, X12)
	ROUNDS(224, X10, X14)
	SCHEDULE(X11, X10, X9)
	SCHEDULE(X15, X14, X13)
	ROUNDS(240, X11, X15)

	MOVQ  p+0(FP), R8
	MOVQ  q+8(FP), R9
	MOVOU reverse<>(SB), X6
	STORE(DI, X1, X2, R8)
	STORE(SI, X3, X4, R9)
	RET

// func hasSHA() bool
TEXT ·hasSHA(SB), NOSPLIT, $0-1
	MOVL $7, AX
	XORL CX, CX
	CPUID
	SHRL $29, BX
	ANDL $1, BX
	MOVB BX, ret+0(FP)
	RET
