/**
 * redis_resp: bytes in the two forms that Redis takes from us: RESP arguments and msgpack numbers.
 *
 * RESP: https://redis.io/docs/reference/protocol-spec ; msgpack:
 * github.com/msgpack/msgpack/blob/master/spec.md
 *   thread   the buf's owner
 */
#ifndef SINKS_REDIS_RESP_H
#define SINKS_REDIS_RESP_H

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

/* "$len\r\nbytes\r\n" */
void redis_resp_arg(struct buf *out, struct slice s);
void redis_resp_arg_str(struct buf *out, const char *s);
void redis_resp_arg_u64(struct buf *out, uint64_t v);
void redis_resp_arg_i64(struct buf *out, int64_t v);
/* The shortest text that reads back as v. */
void redis_resp_arg_double(struct buf *out, double v);
/* `width` digits, zeros in front; v must have no more. */
void redis_resp_arg_fixed(struct buf *out, uint64_t v, unsigned width);

/* "*n\r\n": a command of n arguments follows. */
void redis_resp_command(struct buf *out, uint64_t n);

/* Write v over the `width` digits at p; v must have no more. */
void redis_resp_digits(char *p, unsigned width, uint64_t v);

void redis_resp_pack_array(struct buf *out, uint32_t n); /* n values follow */
void redis_resp_pack_i64(struct buf *out, int64_t v);    /* the shortest form */
/* As an integer where it is one, else as a float64. */
void redis_resp_pack_double(struct buf *out, double v);

#endif
