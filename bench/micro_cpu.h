/**
 * micro_cpu: which variant of the parser a benchmark measures.
 *   thread   main
 */
#ifndef BENCH_MICRO_CPU_H
#define BENCH_MICRO_CPU_H

#include <stdio.h>
#include <stdlib.h>

#include "protocol/variant.h"

/* The parser's variant by the environment: BENCH_CPU=avx2.  Ends the program if there is none. */
static inline void micro_cpu(void)
{
    const char *name = getenv("BENCH_CPU");
    if (name == NULL || *name == '\0' || variant_choose(name))
        return;
    fprintf(stderr, "BENCH_CPU=%s: not on this CPU\n", name);
    exit(1);
}

#endif
