/*
 * listener_spread_payload: a BPF program that chooses a datagram's socket by a hash of the name of
 * its first line: the bytes up to the first ':', at most NAME_MAX_BYTES of them.
 *
 *     put_word   four bytes at a time, as long as none of them can be a ':'
 *     put_byte   where one of the four may be a ':', or the datagram ends in them: byte by byte
 *     put_end    mix the hash and choose a socket
 *
 * Classic BPF jumps forward only, so each word has the code of both ways.  A load past the end of
 * the packet would end the program with 0, the first socket, so lengths are checked before.  The
 * program sees the payload at offset 0.  Which way a word takes depends on bytes of the name alone,
 * so that a name has one hash whatever follows it.
 */
#include <assert.h>
#include <errno.h>
#include <linux/filter.h>
#include <sys/socket.h>

#include "listen/listener.h"

enum {
    NAME_MAX_BYTES = 64,
    WORDS = NAME_MAX_BYTES / 4,
    /* Instructions: */
    A_BYTE = 10,
    A_WORD = 12 + 4 * A_BYTE,
    THE_END = 12,
    HASH = 0 /* the word of the program's memory that has the hash */
};

static const uint32_t odd = 0x9E3779B1u; /* about 2^32 over the golden ratio; prime */

static_assert(2 + WORDS * A_WORD + THE_END <= BPF_MAXINSNS, "classic BPF takes that many");
static_assert(A_WORD <= 256, "a conditional jump goes that far");

struct program {
    struct sock_filter code[2 + WORDS * A_WORD + THE_END];
    unsigned n;
};

/* Where the condition holds, the program skips `yes` instructions, else `no`. */
static void put_if(struct program *p, unsigned code, uint32_t k, uint8_t yes, uint8_t no)
{
    assert(p->n < sizeof p->code / sizeof p->code[0]);
    p->code[p->n++] = (struct sock_filter){ (uint16_t)code, yes, no, k };
}

static void put(struct program *p, unsigned code, uint32_t k)
{
    put_if(p, code, k, 0, 0);
}

/* To the first instruction of put_end. */
static void put_jump_to_end(struct program *p)
{
    put(p, BPF_JMP | BPF_JA, 2 + WORDS * A_WORD - p->n - 1);
}

/* hash = (hash + X) * odd */
static void put_fold(struct program *p)
{
    put(p, BPF_LD | BPF_MEM, HASH);
    put(p, BPF_ALU | BPF_ADD | BPF_X, 0);
    put(p, BPF_ALU | BPF_MUL | BPF_K, odd);
    put(p, BPF_ST, HASH);
}

static void put_byte(struct program *p, uint32_t at)
{
    put(p, BPF_LD | BPF_W | BPF_LEN, 0);
    put_if(p, BPF_JMP | BPF_JGT | BPF_K, at, 0, 2); /* the datagram ends here: to the jump below */
    put(p, BPF_LD | BPF_B | BPF_ABS, at);
    put_if(p, BPF_JMP | BPF_JEQ | BPF_K, ':', 0, 1);
    put_jump_to_end(p);
    put(p, BPF_MISC | BPF_TAX, 0);
    put_fold(p);
}

/*
 * (w ^ "::::") - 0x01010101 has the top bit set in a byte that was ':'.  It also has it in bytes of
 * 0x81 and more, and next to one: such words go byte by byte without need.
 */
static void put_word(struct program *p, uint32_t at)
{
    const uint32_t colons = 0x3A3A3A3Au, ones = 0x01010101u, tops = 0x80808080u;
    put(p, BPF_LD | BPF_W | BPF_LEN, 0);
    put_if(p, BPF_JMP | BPF_JGE | BPF_K, at + 4, 0, 10);
    put(p, BPF_LD | BPF_W | BPF_ABS, at);
    put(p, BPF_MISC | BPF_TAX, 0);
    put(p, BPF_ALU | BPF_XOR | BPF_K, colons);
    put(p, BPF_ALU | BPF_SUB | BPF_K, ones);
    put_if(p, BPF_JMP | BPF_JSET | BPF_K, tops, 5, 0);
    put_fold(p);
    put(p, BPF_JMP | BPF_JA, 4 * A_BYTE);
    for (uint32_t i = 0; i < 4; i++)
        put_byte(p, at + i);
}

/*
 * Names often differ in one byte only, so every bit of the hash must reach the choice.  Bits move
 * up in a product: each is brought down again before the next one.
 */
static void put_end(struct program *p, uint32_t sockets)
{
    put(p, BPF_LD | BPF_MEM, HASH);
    for (int i = 0; i < 2; i++) {
        put(p, BPF_MISC | BPF_TAX, 0);
        put(p, BPF_ALU | BPF_RSH | BPF_K, 15);
        put(p, BPF_ALU | BPF_XOR | BPF_X, 0);
        put(p, BPF_ALU | BPF_MUL | BPF_K, 0x2C1B3C6Du);
    }
    put(p, BPF_ALU | BPF_RSH | BPF_K, 16);
    put(p, BPF_ALU | BPF_MOD | BPF_K, sockets);
    put(p, BPF_RET | BPF_A, 0);
}

int listener_spread_payload(struct listener *l)
{
    assert(l->n <= LISTEN_WORKERS_MAX);
    if (l->n < 2 || l->by_payload)
        return 0;
    struct program p = { .n = 0 };
    put(&p, BPF_LD | BPF_IMM, 0);
    put(&p, BPF_ST, HASH);
    for (uint32_t i = 0; i < WORDS; i++)
        put_word(&p, 4 * i);
    put_end(&p, l->n);
    assert(p.n == sizeof p.code / sizeof p.code[0]);
    struct sock_fprog program = { .len = (unsigned short)p.n, .filter = p.code };
    if (setsockopt(l->fds[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) < 0)
        return -errno;
    l->by_payload = true;
    return 0;
}
