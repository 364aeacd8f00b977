/**
 * number: decimal text to double and back, exactly.
 *
 * No locale, no hex, no inf or nan, linear in the length of the text.
 *   thread   any (no state)
 */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum { NUMBER_TEXT_MAX = 32 }; /* bytes that number_print needs */

/**
 * number_parse(s, ret):
 * The whole of s, which must be of this form:
 *     ["+"/"-"] ( 1*D ["." *D] / "." 1*D ) [ ("e"/"E") ["+"/"-"] 1*D ]
 * Correctly rounded (nearest, ties to even); underflow gives 0 or a denormal with the sign kept.
 *   returns  false on any other text and when the result is not finite; *ret is then untouched
 *   cost     with up to 19 significant digits and a decimal exponent within +-19 integer arithmetic
 *            only; other texts go through strtod
 */
bool number_parse(struct slice s, double *ret);

/* 1 to 19 digits, nothing else, at most INT64_MAX. */
bool number_parse_int(struct slice s, int64_t *ret);

/*
 * A size in bytes: `4096`, `64KiB`, `32MiB`, `1GiB`.  Returns 0, -EINVAL, -ERANGE (over
 * UINT64_MAX).
 */
int number_parse_size(struct slice s, uint64_t *ret);

/* The text of a size in the largest unit that divides it; out and result as in number_print. */
size_t number_print_size(char *out, uint64_t bytes);

/**
 * number_print(out, v):
 * The shortest text that number_parse reads back as v; if there are several, the one nearest to v.
 * Plain digits for decimal exponents from -4 to 20 (`5`, `-20`, `0.042`), else with an exponent
 * (`1e+21`, `1e-07`), as Prometheus prints.  NaN, +Inf and -Inf print as those words.
 *   out      at least NUMBER_TEXT_MAX bytes; no NUL is written
 *   returns  the length
 */
size_t number_print(char *out, double v);
size_t number_print_u64(char *out, uint64_t v);
size_t number_print_i64(char *out, int64_t v);

#endif
