/**
 * log: one event is one line on standard output.
 *
 *   logfmt   ts=2026-11-21T09:00:00.000Z level=info msg=listening proto=udp addr=127.0.0.1:8125
 *   json     {"ts":"...","level":"info","msg":"listening","proto":"udp","addr":"127.0.0.1:8125"}
 *
 * Values are escaped as in JSON, down to ASCII (a byte that is not UTF-8 becomes \ufffd), so bytes
 * from the network reach neither the terminal nor the structure of the log.  A value of more than
 * 256 bytes is cut and ends in `...`; a line of more than 4,096 bytes loses its last fields and
 * ends in line_cut=true.  A line is one write(2), so lines of several threads do not mix; a line
 * that a full pipe does not take is dropped.  Logging keeps errno, allocates nothing and never
 * waits for a reader.  Only the outer layers log, and nothing logs once per datagram.
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

/*
 * Fields of a line.  Keys are literals (lower_snake, with units); values may come from the network.
 */
/* clang-format off */
#define F_STR(k, s)   { .key = (k), .kind = LOG_KIND_SLICE, .text = slice_str(s) }
#define F_SLICE(k, s) { .key = (k), .kind = LOG_KIND_SLICE, .text = (s) }
#define F_I64(k, v)   { .key = (k), .kind = LOG_KIND_I64, .i64 = (int64_t)(v) }
#define F_U64(k, v)   { .key = (k), .kind = LOG_KIND_U64, .u64 = (uint64_t)(v) }
#define F_NUM(k, v)   { .key = (k), .kind = LOG_KIND_DOUBLE, .number = (v) }
#define F_BOOL(k, v)  { .key = (k), .kind = LOG_KIND_BOOL, .u64 = (v) }
/* clang-format on */

void log_setup(enum log_level least, enum log_format format);
void log_to_fd(int fd); /* default 1.  A blocking fd is fine: it is polled before each write */
bool log_enabled(enum log_level level);

void log_fields(enum log_level level, const char *msg, const struct log_field *fields, size_t n);

/*
 * LOG(LOG_INFO, "listening", F_STR("proto", "udp"), F_STR("addr", addr));
 * Takes at least one field.  Fields are not evaluated when the level is off.
 */
/* clang-format off */
#define LOG(level, msg, ...) \
    (log_enabled(level) ? log_fields((level), (msg), LOG_FIELDS_(__VA_ARGS__)) : (void)0)
#define LOG_FIELDS_(...) LOG_ARRAY_(__VA_ARGS__), ARRAY_LEN((LOG_ARRAY_(__VA_ARGS__)))
#define LOG_ARRAY_(...)  (const struct log_field[]){ __VA_ARGS__ }
/* clang-format on */

/**
 * log_gate(g, period_ms, now_ms, ret_suppressed):
 * A rate limit for one log statement: one static struct log_gate, shared by any number of threads.
 *   returns  true at most once per period_ms: write the line.  *ret_suppressed is the number of
 *            lines held back since the last one.  On false it is untouched
 */
struct log_gate {
    uint64_t next_ms, suppressed;
};
bool log_gate(struct log_gate *g, uint64_t period_ms, uint64_t now_ms, uint64_t *ret_suppressed);

#endif
