/**
 * micro_cpu: which variant of the parser a benchmark measures.
 *   thread   main
 */
#ifndef BENCH_MICRO_CPU_H
#define BENCH_MICRO_CPU_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"
#include "protocol/variant.h"

/*
 * The parser's variant by the environment: BENCH_CPU=avx2.  Ends the program if there is none.
 * BENCH_CPU=list prints those that this CPU can run, best first, and ends it.
 */
static inline void micro_cpu(void)
{
    static const char *const known[] = { "avx512", "avx2", "sse2", "neon", "portable" };
    const char *name = getenv("BENCH_CPU");
    if (name != NULL && strcmp(name, "list") == 0) {
        for (size_t i = 0; i < ARRAY_LEN(known); i++)
            if (variant_choose(known[i]))
                puts(known[i]);
        exit(0);
    }
    if (name == NULL || *name == '\0' || variant_choose(name))
        return;
    fprintf(stderr, "BENCH_CPU=%s: not on this CPU\n", name);
    exit(1);
}

#endif
