/**
 * sample: one `value|type` of a line, as parsed, before aggregation.
 *
 * Samples come in a batch.  Their slices point into the datagram or into the batch's scratch and
 * are valid until either is reused: consume a batch before overwriting the datagram's buffer.
 *
 * The raw spelling (name, tags as sent) and its hash are all that a known series needs.  Splitting,
 * checking and sorting the tags (protocol/tags.h) is done only for a spelling seen for the first
 * time.
 */
#ifndef PROTOCOL_SAMPLE_H
#define PROTOCOL_SAMPLE_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/hash.h"
#include "base/slice.h"
#include "protocol/event.h"
#include "protocol/reason.h"

/* X(id, token): what stands behind the value */
/* clang-format off */
#define SAMPLE_TYPES(X)     \
    X(COUNTER,      "c")    \
    X(GAUGE,        "g")    \
    X(TIMING,       "ms")   \
    X(HISTOGRAM,    "h")    \
    X(DISTRIBUTION, "d")    \
    X(SET,          "s")

enum sample_type {
#define X(id, token) SAMPLE_##id,
    SAMPLE_TYPES(X)
#undef X
    SAMPLE_TYPE_COUNT
};
/* clang-format on */

const char *sample_type_token(enum sample_type t);

/* How the raw tags are spelled. */
enum tag_style {
    TAGS_DOG,      /* k:v,k:v   the '#' field */
    TAGS_EQ_COMMA, /* k=v,k=v   librato, influx, signalfx: cut out of the name */
    TAGS_EQ_SEMI   /* k=v;k=v   graphite: cut out of the name */
};

enum sample_flag {
    SAMPLE_DELTA = 1,        /* gauge: add to it, do not set it */
    SAMPLE_HAS_RATE = 2,     /* rate is below 1 */
    SAMPLE_HAS_TIME = 4,     /* timestamp is valid */
    SAMPLE_HAS_ORIGIN = 8,   /* origin is valid (origin_tags on and a container id came) */
    SAMPLE_PACKED = 16,      /* more values follow in batch->values */
    SAMPLE_EXEMPLAR = 32,    /* exemplar is valid; never of a set or gauge */
    SAMPLE_ORIGIN_ASIDE = 64 /* origin is valid, and is no part of what the series is */
};

struct sample {
    /* What a known series needs: one cache line. */
    struct hash128 hash; /* of type, name, tags, tag_style and, where it matters, origin */
    double value;        /* the first value; 0 for a set */
    double rate;         /* 0 < rate <= 1; each value has a weight of 1/rate */
    const char *name;
    const char *tags; /* raw, without the '#'; several sections joined by ',' */
    uint32_t name_len, tags_len;
    uint8_t type;      /* enum sample_type */
    uint8_t flags;     /* enum sample_flag */
    uint8_t tag_style; /* enum tag_style */
    /*
     * Rare: each valid only where its type or flag says so; more_n is always valid.
     * SAMPLE_PACKED: values 2.. are batch->values[more_at .. more_at + more_n).  A packed gauge
     * becomes several samples, since one is either all relative or all absolute (SAMPLE_DELTA).
     */
    uint32_t more_at, more_n;
    union {
        struct slice member;   /* set: the member */
        struct slice exemplar; /* SAMPLE_EXEMPLAR: the value of parse_opts.exemplar_tag */
    };
    struct slice origin; /* SAMPLE_HAS_ORIGIN, SAMPLE_ORIGIN_ASIDE: container id, prefix removed */
    int64_t timestamp;   /* SAMPLE_HAS_TIME: unix seconds */
};

/* Counts of the parser, in the batch; the consumer adds them to its own counters. */
struct parse_counts {
    uint64_t lines;                  /* without empty ones */
    uint64_t samples;                /* those in the batch plus those rejected */
    uint64_t rejected[REASON_COUNT]; /* errors; a line refused as a whole counts 1 */
    uint64_t unknown_fields;
    uint64_t tag_errors; /* malformed elements of a name beside a # field, whose tags alone count */
    uint64_t exemplars_refused;         /* values that cannot be one; the sample stands */
    uint64_t events[EVENT_ALERT_COUNT]; /* well-formed ones */
    uint64_t checks[CHECK_STATUS_COUNT];
};

/* When samples arrived: those of the batch from index `at` up to the next arrival's `at`. */
struct batch_arrival {
    uint32_t at;
    uint64_t ns; /* of the first of them; each further one counts as a nanosecond later */
};

enum { BATCH_ARRIVALS_MAX = 64 };

/* Who sent samples: those of the batch from index `at` up to the next sender's `at`. */
struct batch_sender {
    uint32_t at;
    const struct sockaddr *from; /* borrowed; NULL: not known */
};

enum { BATCH_SENDERS_MAX = 64 };

struct batch {
    struct sample *samples;
    double *values;
    char *scratch; /* rewritten lines, joined names, joined tags */
    uint32_t n, cap;
    uint32_t n_values, cap_values;
    uint32_t scratch_len, scratch_cap;
    uint32_t max_line; /* the longest line that there is always room for */
    uint32_t full;     /* the parser stops once n >= full, or once values or scratch run low */
    /*
     * Where the consumer will look for a sample, so that the parser asks for that cache line early:
     * aim_base + (hash.lo * BATCH_AIM_SCALE & aim_mask).  Any base does; none: aim_mask 0.
     */
    uintptr_t aim_base;
    uint64_t aim_mask;
    uint32_t n_arrivals;
    struct batch_arrival arrivals[BATCH_ARRIVALS_MAX]; /* by `at`; filled by batch_arrived */
    uint32_t n_senders;
    struct batch_sender senders[BATCH_SENDERS_MAX]; /* by `at`; none: nobody asked */
    struct parse_counts counts;                     /* not reset by batch_clear */
};

/**
 * batch_init(b, full, max_line):
 * Memory for `full` samples plus all that one more line of max_line bytes can hold.
 *   returns  0 or -ENOMEM
 */
int batch_init(struct batch *b, uint32_t full, uint32_t max_line);
void batch_release(struct batch *b);

static inline void batch_clear(struct batch *b)
{
    b->n = 0;
    b->n_values = 0;
    b->scratch_len = 0;
    b->n_arrivals = 0;
    b->n_senders = 0;
}

enum { BATCH_AIM_SCALE = 16 };

static inline void batch_aim(const struct batch *b, uint64_t lo)
{
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): only asked for, never read */
    __builtin_prefetch((const void *)(b->aim_base + (lo * BATCH_AIM_SCALE & b->aim_mask)));
}

/* Between two lines: nothing is beyond its capacity. */
static inline void batch_check(const struct batch *b)
{
    assert(b->full > 0 && b->full < b->cap && b->n <= b->cap);
    assert(b->n_values <= b->cap_values && b->scratch_len <= b->scratch_cap);
    assert(b->n_arrivals <= BATCH_ARRIVALS_MAX && b->n_senders <= BATCH_SENDERS_MAX);
}

/*
 * The samples parsed next arrived at ns.  Calls beyond BATCH_ARRIVALS_MAX a batch have no effect.
 */
static inline void batch_arrived(struct batch *b, uint64_t ns)
{
    if (b->n_arrivals == BATCH_ARRIVALS_MAX)
        return;
    b->arrivals[b->n_arrivals++] = (struct batch_arrival){ b->n, ns };
}

/* from sent the samples that are parsed next.  There has to be room. */
static inline void batch_sent(struct batch *b, const struct sockaddr *from)
{
    assert(b->n_senders < BATCH_SENDERS_MAX);
    b->senders[b->n_senders++] = (struct batch_sender){ b->n, from };
}

/* Who sent sample i; NULL: not known. */
static inline const struct sockaddr *batch_sender_of(const struct batch *b, uint32_t i)
{
    uint32_t k = b->n_senders;
    while (k > 0 && b->senders[k - 1].at > i)
        k--;
    return k > 0 ? b->senders[k - 1].from : NULL;
}

#endif
