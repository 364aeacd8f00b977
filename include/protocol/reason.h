/**
 * reason: why a line, a sample or a frame was refused.
 *
 * From one table come the enum, the label of `statsd_samples_rejected_total{reason=...}`, `statsd
 * describe reasons` and the rows of the tests.
 */
#ifndef PROTOCOL_REASON_H
#define PROTOCOL_REASON_H

/* X(id, name, help) */
/* clang-format off */
#define REASONS(X) \
    X(BAD_UTF8,           "bad_utf8",           "the line is not valid UTF-8") \
    X(NUL_BYTE,           "nul_byte",           "a NUL byte inside the line") \
    X(NO_COLON,           "no_colon",           "no ':' after the metric name") \
    X(BAD_NAME,           "bad_name",           "the metric name is empty or contains '|'") \
    X(NAME_TOO_LONG,      "name_too_long",      "the metric name is longer than limits.max_name") \
    X(NO_TYPE,            "no_type",            "no '|type' after the value") \
    X(UNKNOWN_TYPE,       "unknown_type",       "the type is none of c g ms h d s") \
    X(BAD_VALUE,          "bad_value",          "the value is not a finite decimal number, " \
                                                "or empty, or would make a sum infinite") \
    X(NEGATIVE_TIMING,    "negative_timing",    "an 'ms' value below zero") \
    X(BAD_SAMPLE_RATE,    "bad_sample_rate",    "the '@' field is not a number from 0 to 1") \
    X(BAD_TIMESTAMP,      "bad_timestamp",      "the 'T' field is not a whole number of seconds") \
    X(TOO_MANY_TAGS,      "too_many_tags",      "more tags than limits.max_tags") \
    X(TAG_TOO_LONG,       "tag_too_long",       "a tag longer than limits.max_tag_len") \
    X(MIXED_TAG_STYLES,   "mixed_tag_styles",   "tags inside the name and in a '#' field") \
    X(MIXED_MULTI_SAMPLE, "mixed_multi_sample", "several samples and a field " \
                                                "other than '@' in one line") \
    X(LINE_TOO_LONG,      "line_too_long",      "the line is longer than limits.max_line") \
    X(TRUNCATED,          "truncated",          "the datagram was longer than the receive buffer") \
    X(BAD_FRAME,          "bad_frame",          "a length prefix that is too large, " \
                                                "or EOF in a frame") \
    X(BAD_EVENT,          "bad_event",          "a malformed '_e{' event") \
    X(BAD_SERVICE_CHECK,  "bad_service_check",  "a malformed '_sc|' service check")

enum reason {
#define X(id, name, help) REASON_##id,
    REASONS(X)
#undef X
    REASON_COUNT,
    REASON_NONE = REASON_COUNT /* nothing is wrong */
};
/* clang-format on */

const char *reason_name(enum reason r); /* "bad_utf8"; "none" for REASON_NONE */
const char *reason_help(enum reason r);

#endif
