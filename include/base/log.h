/**
 * log: one event, one line, to standard output.
 *
 *   logfmt   ts=2026-11-21T09:00:00.000Z level=info msg=listening proto=udp addr=127.0.0.1:8125
 *   json     {"ts":"...","level":"info","msg":"listening","proto":"udp","addr":"127.0.0.1:8125"}
 *
 * Values are escaped as in JSON, down to ASCII (a byte that is no UTF-8 shows as \ufffd): no byte of a stranger reaches the
 * terminal raw, one event is one line.  A value is cut after 256 bytes and then ends in `...`; a line of more than 4,096 bytes
 * loses its last fields and ends in line_cut=true.  A line is one write(2), so lines of several threads never mix; what a
 * full pipe does not take is lost, silently.  errno is kept.
 * Library code below the edges does not log; nothing logs once per datagram.
 *   thread   any, after log_setup
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

enum log_kind { LOG_KIND_SLICE, LOG_KIND_I64, LOG_KIND_U64, LOG_KIND_DOUBLE, LOG_KIND_BOOL };

struct log_field {
    const char *key;
    enum log_kind kind;
    struct slice text;
    int64_t i64;
    uint64_t u64;
    double number;
};

/* Fields of a line.  Keys are ours (lower_snake, units in the name); values may be a stranger's. */
#define F_STR(k, s)   { .key = (k), .kind = LOG_KIND_SLICE, .text = slice_str(s) }
#define F_SLICE(k, s) { .key = (k), .kind = LOG_KIND_SLICE, .text = (s) }
#define F_I64(k, v)   { .key = (k), .kind = LOG_KIND_I64, .i64 = (int64_t)(v) }
#define F_U64(k, v)   { .key = (k), .kind = LOG_KIND_U64, .u64 = (uint64_t)(v) }
#define F_NUM(k, v)   { .key = (k), .kind = LOG_KIND_DOUBLE, .number = (v) }
#define F_BOOL(k, v)  { .key = (k), .kind = LOG_KIND_BOOL, .u64 = (v) }

void log_setup(enum log_level least, enum log_format format);
void log_to_fd(int fd);                    /* default 1; tests use another.  It may block: it is asked for room first */
bool log_enabled(enum log_level level);

void log_fields(enum log_level level, const char *msg, const struct log_field *fields, size_t n);

/* LOG(LOG_INFO, "listening", F_STR("proto", "udp"), F_STR("addr", addr)); at least one field.  They are not computed for a
 * line that is not written. */
#define LOG(level, msg, ...) (log_enabled(level) ? log_fields((level), (msg), LOG_FIELDS_(__VA_ARGS__)) : (void)0)
#define LOG_FIELDS_(...)     (const struct log_field[]){ __VA_ARGS__ }, ARRAY_LEN(((const struct log_field[]){ __VA_ARGS__ }))

/**
 * log_gate(g, period_ms, now_ms, ret_suppressed):
 * A rate limit for one place of the code (one static struct log_gate, shared by any number of threads).
 *   returns  true when a line may be written now; *ret_suppressed then holds how many were not since the last one; else it
 *           is untouched
 */
struct log_gate {
    uint64_t next_ms, suppressed;
};
bool log_gate(struct log_gate *g, uint64_t period_ms, uint64_t now_ms, uint64_t *ret_suppressed);

#endif
