/*
 * members_hash      MurmurHash64A, as Redis has it
 * members_add       into the table of hashes (table_put, table_grow), until it is full
 *   become_registers  then into registers (register_add), of which 14 bits of the hash choose one
 * members_merge     the hashes of a table one by one, registers by their maximum
 * members_count     the table's size, or Ertl's estimate (sigma, tau) from the registers
 * members_redis     as a string of Redis, put_sparse or put_dense
 * members_save      as it is, for members_load
 */
#include "aggregate/members.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pack.h"
#include "base/probe.h"

enum {
    INDEX_BITS = 14,                /* 2^14 registers */
    RANK_MAX = 64 - INDEX_BITS + 1, /* the largest value a register can hold */
    DENSE_BYTES = MEMBERS_REGISTERS * 6 / 8,
    HEADER_BYTES = 16,
    SPARSE_RANK_MAX = 32,   /* what a sparse VAL opcode can say */
    SPARSE_BYTES_MAX = 3000 /* hll-sparse-max-bytes, past which Redis itself goes
                                            dense */
};

/* MurmurHash64A (A. Appleby, public domain), as Redis uses it: little-endian, this seed. */
uint64_t members_hash(struct slice member)
{
    const uint64_t m = 0xc6a4a7935bd1e995ull;
    uint64_t h = 0xadc83b19ull ^ (member.len * m);
    size_t whole = member.len & ~(size_t)7;
    for (size_t at = 0; at < whole; at += 8) {
        uint64_t k;
        memcpy(&k, member.ptr + at, 8);
        k *= m;
        k ^= k >> 47;
        h = (h ^ (k * m)) * m;
    }
    uint64_t tail = 0;
    for (size_t i = 0; i < (member.len & 7); i++)
        tail |= (uint64_t)(unsigned char)member.ptr[whole + i] << (8 * i);
    if (member.len & 7)
        h = (h ^ tail) * m;
    h = (h ^ (h >> 47)) * m;
    return h ^ (h >> 47);
}

/* Either a table of hashes or registers; { 0 } is an empty table. */
static void members_check(const struct members *m)
{
    assert(m->registers == NULL || (m->hashes == NULL && m->n == 0 && m->cap == 0));
    assert(m->n <= m->cap && m->n <= MEMBERS_EXACT && (m->cap & (m->cap - 1)) == 0);
}

void members_release(struct members *m)
{
    free(m->hashes);
    free(m->registers);
    *m = (struct members){ 0 };
}

void members_clear(struct members *m)
{
    if (m->registers != NULL || m->cap > 64) {
        members_release(m);
        return;
    }
    if (m->n > 0)
        memset(m->hashes, 0, m->cap * sizeof *m->hashes);
    m->n = 0;
}

static void register_add(uint8_t *registers, uint64_t hash)
{
    uint64_t rest = (hash >> INDEX_BITS) | (1ull << (64 - INDEX_BITS));
    uint8_t rank = (uint8_t)(__builtin_ctzll(rest) + 1);
    uint8_t *r = &registers[hash & (MEMBERS_REGISTERS - 1)];
    if (rank > *r)
        *r = rank;
}

/* returns  true when the hash was not there */
static bool table_put(uint64_t *at, uint32_t cap, uint64_t hash)
{
    PROBE_EACH(i, hash >> 32, cap - 1) {
        if (at[i] == hash)
            return false;
        if (at[i] != 0)
            continue;
        at[i] = hash;
        return true;
    }
}

static int table_grow(struct members *m)
{
    uint32_t cap = m->cap ? m->cap * 2 : 16;
    uint64_t *at = calloc(cap, sizeof *at);
    if (at == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < m->cap; i++)
        if (m->hashes[i] != 0)
            table_put(at, cap, m->hashes[i]);
    free(m->hashes);
    m->hashes = at;
    m->cap = cap;
    return 0;
}

static int become_registers(struct members *m)
{
    uint8_t *registers = calloc(1, MEMBERS_REGISTERS);
    if (registers == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < m->cap; i++)
        if (m->hashes[i] != 0)
            register_add(registers, m->hashes[i]);
    free(m->hashes);
    *m = (struct members){ .registers = registers };
    return 0;
}

static bool table_has(const struct members *m, uint64_t hash)
{
    PROBE_EACH(i, hash >> 32, m->cap - 1)
        if (m->hashes[i] == 0 || m->hashes[i] == hash)
            return m->hashes[i] == hash;
}

int members_add(struct members *m, uint64_t hash)
{
    if (m->registers == NULL) {
        hash += hash == 0;
        if (m->cap > 0 && table_has(m, hash))
            return 0;
        int rc = 0;
        if (m->n == MEMBERS_EXACT)
            rc = become_registers(m);
        else if (m->n * 2 >= m->cap)
            rc = table_grow(m);
        if (rc < 0)
            return rc;
    }
    if (m->registers != NULL)
        register_add(m->registers, hash);
    else
        m->n += table_put(m->hashes, m->cap, hash);
    return 0;
}

int members_merge(struct members *dst, const struct members *src)
{
    int rc = 0;
    members_check(dst);
    members_check(src);
    assert(dst != src);
    if (src->registers == NULL) {
        for (uint32_t i = 0; i < src->cap && rc == 0; i++)
            if (src->hashes[i] != 0)
                rc = members_add(dst, src->hashes[i]);
        return rc;
    }
    if (dst->registers == NULL && (rc = become_registers(dst)) < 0)
        return rc;
    assert(dst->registers != NULL);
    for (uint32_t i = 0; i < MEMBERS_REGISTERS; i++)
        if (src->registers[i] > dst->registers[i])
            dst->registers[i] = src->registers[i];
    return 0;
}

/*
 * sigma and tau of O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches"
 * (2017), as in Redis.
 */
static double sigma(double x)
{
    if (x == 1)
        return INFINITY;
    double y = 1, z = x, before;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (before != z);
    return z;
}

static double tau(double x)
{
    if (x == 0 || x == 1)
        return 0;
    double y = 1, z = 1 - x, before;
    do {
        x = sqrt(x);
        before = z;
        y *= 0.5;
        z -= (1 - x) * (1 - x) * y;
    } while (before != z);
    return z / 3;
}

uint64_t members_count(const struct members *m)
{
    members_check(m);
    if (m->registers == NULL)
        return m->n;
    uint32_t histogram[RANK_MAX + 1] = { 0 };
    for (uint32_t i = 0; i < MEMBERS_REGISTERS; i++)
        histogram[m->registers[i]]++;
    const double n = MEMBERS_REGISTERS, alpha = 0.721347520444481703680;
    double z = n * tau((n - histogram[RANK_MAX]) / n);
    for (int j = RANK_MAX - 1; j >= 1; j--)
        z = (z + histogram[j]) * 0.5;
    z += n * sigma(histogram[0] / n);
    return (uint64_t)llround(alpha * n * n / z);
}

/*
 * "HYLL", encoding, three zeros, eight bytes of cached cardinality whose top bit says that it is
 * not valid.
 */
static void put_header(struct buf *out, char encoding)
{
    char header[HEADER_BYTES] = { 'H', 'Y', 'L', 'L', encoding };
    header[HEADER_BYTES - 1] = (char)0x80;
    buf_append(out, header, sizeof header);
}

/*
 * Runs of equal registers:  00nnnnnn  n+1 zeros (up to 64);  01nnnnnn nnnnnnnn  n+1 zeros (up to
 * 16384);
 * 1vvvvvnn  n+1 registers (up to 4) of value v+1 (up to 32).
 */
static bool put_sparse(const uint8_t *registers, struct buf *out)
{
    size_t start = out->len;
    put_header(out, 1);
    for (uint32_t i = 0, run; i < MEMBERS_REGISTERS; i += run) {
        uint8_t v = registers[i];
        uint32_t longest = v == 0 ? MEMBERS_REGISTERS : 4;
        for (run = 1; run < longest && i + run < MEMBERS_REGISTERS && registers[i + run] == v;
             run++) {}
        if (v > SPARSE_RANK_MAX || out->len - start > SPARSE_BYTES_MAX) {
            out->len = start;
            return false;
        }
        if (v > 0) {
            buf_append_char(out, (char)(0x80u | (v - 1u) << 2 | (run - 1)));
        } else if (run <= 64) {
            buf_append_char(out, (char)(run - 1));
        } else {
            buf_append_char(out, (char)(0x40 | (run - 1) >> 8));
            buf_append_char(out, (char)((run - 1) & 0xff));
        }
    }
    return true;
}

/* 6-bit registers, least significant bits first. */
static void put_dense(const uint8_t *registers, struct buf *out)
{
    put_header(out, 0);
    unsigned char *to = (unsigned char *)buf_reserve(out, DENSE_BYTES);
    for (uint32_t i = 0; i < MEMBERS_REGISTERS; i += 4, to += 3) {
        const uint8_t *r = &registers[i];
        uint32_t bits = r[0] | (uint32_t)r[1] << 6 | (uint32_t)r[2] << 12 | (uint32_t)r[3] << 18;
        to[0] = (unsigned char)bits;
        to[1] = (unsigned char)(bits >> 8);
        to[2] = (unsigned char)(bits >> 16);
    }
    assert(to == (unsigned char *)out->ptr + out->len + DENSE_BYTES);
    out->len += DENSE_BYTES;
}

void members_redis(const struct members *m, struct buf *out)
{
    members_check(m);
    uint8_t few[MEMBERS_REGISTERS];
    const uint8_t *registers = m->registers;
    if (registers == NULL) {
        memset(few, 0, sizeof few);
        for (uint32_t i = 0; i < m->cap; i++)
            if (m->hashes[i] != 0)
                register_add(few, m->hashes[i]);
        registers = few;
    }
    if (!put_sparse(registers, out))
        put_dense(registers, out);
}

void members_save(const struct members *m, struct buf *out)
{
    members_check(m);
    pack_u8(out, m->registers != NULL);
    if (m->registers != NULL) {
        buf_append(out, m->registers, MEMBERS_REGISTERS);
        return;
    }
    pack_u32(out, m->n);
    for (uint32_t i = 0; i < m->cap; i++)
        if (m->hashes[i] != 0)
            pack_u64(out, m->hashes[i]);
}

static bool load_registers(struct members *m, struct unpack *in)
{
    const struct slice registers = unpack_bytes(in, MEMBERS_REGISTERS);
    for (size_t i = 0; i < registers.len; i++)
        if ((unsigned char)registers.ptr[i] > RANK_MAX)
            return false;
    if (in->bad)
        return false;
    m->registers = mem_alloc(MEMBERS_REGISTERS);
    memcpy(m->registers, registers.ptr, MEMBERS_REGISTERS);
    return true;
}

bool members_load(struct members *m, struct unpack *in)
{
    assert(m->registers == NULL && m->n == 0);
    uint8_t form = unpack_u8(in);
    if (form != 0)
        return form == 1 && load_registers(m, in);
    uint32_t n = unpack_u32(in);
    for (uint32_t i = 0; i < n && n <= MEMBERS_EXACT && !in->bad; i++)
        (void)members_add(m, unpack_u64(in));
    return n <= MEMBERS_EXACT && !in->bad;
}
