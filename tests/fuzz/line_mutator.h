/**
 * line_mutator: libFuzzer's mutators for targets whose input is lines: every second change is made
 * by one who knows what lines are made of (support/line_maker.h), the others are libFuzzer's own.
 *
 * Linked to the targets that the Makefile lists under LINE_FUZZERS.
 */
#ifndef FUZZ_LINE_MUTATOR_H
#define FUZZ_LINE_MUTATOR_H

#include <stddef.h>

/* The target's own: how many bytes before the lines choose options. */
extern const size_t line_mutator_head;

#endif
