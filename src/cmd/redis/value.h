/**
 * redis_value: how a value of a series is shown: cells of a table, members of a JSON object.
 *   thread   any
 */
#ifndef CMD_REDIS_VALUE_H
#define CMD_REDIS_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/redis/series.h"
#include "cmd/redis/sheet.h"

/* Which quantiles are shown of a timer. */
#define VALUE_QUANTILES(X) X(0.5, "p50") X(0.9, "p90") X(0.99, "p99") X(0.999, "p999")

/* Adds the heads of a kind's cells to the table. */
void value_heads(enum series_kind kind, struct sheet *t);
/* The cells; "-" where there is no value. */
void value_cells(enum series_kind kind, const struct value *v, struct sheet *t);
/* The members: nothing where there is no value. */
void value_members(enum series_kind kind, const struct value *v, struct buf *out);

/**
 * value_interval(s, v, t, seconds, out):
 * An object on a line: what a series had from t on, for so many seconds.  A counter that did not
 * come is 0; of others there is no value then.
 */
void value_interval(const struct series *s, const struct value *v, int64_t t, int64_t seconds,
                    struct buf *out);
/* Is it per second that one wants to see it?  *ret: of a counter its sum, of a timer its count */
bool value_has_rate(enum series_kind kind, const struct value *v, double *ret);

/* Members series, name, tags and kind. */
void value_series(const struct series *s, struct buf *out);

#endif
