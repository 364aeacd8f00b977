/**
 * aes: one round of AES by the CPU's instructions, on x86-64 (AES-NI) and aarch64 (AESE, AESMC),
 * the same function on both.  AES_HERE is defined where there is such an instruction set; functions
 * that use it carry AES_FN, and run only where aes_by_cpu() says so.
 *
 *   thread   any
 */
#ifndef BASE_AES_H
#define BASE_AES_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__x86_64__)

#include <immintrin.h>

#define AES_HERE   1
#define AES_FN     __attribute__((target("aes,sse4.1")))
#define AES_INLINE AES_FN static inline __attribute__((always_inline))

typedef __m128i aes_block;

static inline bool aes_by_cpu(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("aes") && __builtin_cpu_supports("sse4.1");
}

/* p: any address */
AES_INLINE aes_block aes_load(const void *p)
{
    return _mm_loadu_si128(p);
}

AES_INLINE void aes_store(void *p, aes_block x)
{
    _mm_storeu_si128(p, x);
}

/* lo: the first eight bytes, the first of them lowest. */
AES_INLINE aes_block aes_of(uint64_t lo, uint64_t hi)
{
    return _mm_set_epi64x((long long)hi, (long long)lo);
}

AES_INLINE aes_block aes_xor(aes_block a, aes_block b)
{
    return _mm_xor_si128(a, b);
}

/* SubBytes, ShiftRows, MixColumns, and then the key. */
AES_INLINE aes_block aes_round(aes_block x, aes_block key)
{
    return _mm_aesenc_si128(x, key);
}

#elif defined(__aarch64__) && defined(__ARM_NEON) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

#include <arm_neon.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>

#define AES_HERE   1
#define AES_FN     __attribute__((target("+crypto")))
#define AES_INLINE AES_FN static inline __attribute__((always_inline))

typedef uint8x16_t aes_block;

static inline bool aes_by_cpu(void)
{
    return (getauxval(AT_HWCAP) & HWCAP_AES) != 0;
}

AES_INLINE aes_block aes_load(const void *p)
{
    return vld1q_u8(p);
}

AES_INLINE void aes_store(void *p, aes_block x)
{
    vst1q_u8(p, x);
}

AES_INLINE aes_block aes_of(uint64_t lo, uint64_t hi)
{
    return vreinterpretq_u8_u64(vcombine_u64(vcreate_u64(lo), vcreate_u64(hi)));
}

AES_INLINE aes_block aes_xor(aes_block a, aes_block b)
{
    return veorq_u8(a, b);
}

/* AESE adds its key first, so it gets one of 0. */
AES_INLINE aes_block aes_round(aes_block x, aes_block key)
{
    return veorq_u8(vaesmcq_u8(vaeseq_u8(x, vdupq_n_u8(0))), key);
}

#endif

#endif
