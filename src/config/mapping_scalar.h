/**
 * mapping_scalar: a value of a mapping file from its text, as statsd_exporter reads it.
 *
 * Each function leaves *ret as it is when the field is not given (or null), or when it is wrong,
 * which is then added to the mistakes.
 *   returns  whether *ret was written
 */
#ifndef CONFIG_MAPPING_SCALAR_H
#define CONFIG_MAPPING_SCALAR_H

#include "config/mapping_reader.h"

/* Any scalar is a text: 200, true.  ret borrows. */
bool mapping_scalar_text(struct mapping_reader *r, const struct mapping_field *f,
                         struct slice *ret);

/* Numbers of YAML 1.1: 1_000, 0x10, 010, .inf, .nan; not in quotes. */
bool mapping_scalar_number(struct mapping_reader *r, const struct mapping_field *f, double *ret);

/* 0 to UINT32_MAX. */
bool mapping_scalar_count(struct mapping_reader *r, const struct mapping_field *f, uint32_t *ret);

/* true false yes no on off y n, in YAML's three spellings of each. */
bool mapping_scalar_bool(struct mapping_reader *r, const struct mapping_field *f, bool *ret);

/* A duration of Go: 1m20s, 1.5h, 0; rounded up to whole milliseconds. */
bool mapping_scalar_duration(struct mapping_reader *r, const struct mapping_field *f,
                             uint64_t *ret_ms);

/**
 * mapping_scalar_word(r, f, words, ret):
 *   words    joined by '|', exactly as written; the empty text is the first one, unless words
 *            begins with '|', and then a mistake
 *   ret      place among words, from 0
 */
bool mapping_scalar_word(struct mapping_reader *r, const struct mapping_field *f, const char *words,
                         int *ret);

#endif
