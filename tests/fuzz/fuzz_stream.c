/*
 * One stream by three connections of one source: whole, and cut into reads in two ways, which take
 * turns.  Each brings the same lines and the same errors, and has no room left at its end.
 *
 *     byte 0   framing, and the seed of the cuts       byte 1   how long a read is at most
 *     then     the stream; 0x01 N stands for N * 700 bytes of a long line
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/limit.h"
#include "aggregate/profile.h"
#include "base/hash.h"
#include "fuzz/line_mutator.h"
#include "listen/stream_cut.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

const size_t line_mutator_head = 2;

enum { READERS = 3, EXPANDED_MAX = 400000, READS_MAX = 2000 };

struct reader {
    struct connection c;
    size_t at; /* bytes of the stream so far */
    uint64_t lines, rejected;
    struct hash128 digest;
};

static struct reader readers[READERS];
static struct reader *now; /* who is read */
static struct refusals refusals;
static struct taps taps;
static struct stream_cut cut;
static struct series_limit limit;
static struct profiles *profiles;

static void on_datagram(void *unused, const struct lane_datagram *d)
{
    const char *ptr = d->ptr, *stop = d->ptr + d->len;
    (void)unused;
    assert(d->len > 0 && d->len <= DATAGRAM_MAX);
    while (ptr < stop) {
        const char *lf = memchr(ptr, '\n', (size_t)(stop - ptr)), *end = lf ? lf : stop;
        now->digest = hash_join(now->digest, hash_bytes(ptr, (size_t)(end - ptr)));
        now->lines++;
        ptr = lf ? lf + 1 : stop;
    }
}

static void on_batch(void *unused, const struct batch *b)
{
    (void)unused;
    for (int r = 0; r < REASON_COUNT; r++)
        now->rejected += b->counts.rejected[r];
}

/* For each input anew: the cells of a lane lie where no leak is looked for. */
static void set_up(void)
{
    struct lane *lane;
    profiles = profiles_new(&(struct profile){ .histogram = true, .sketch_schema = 5, .scale = 1 });
    if (series_limit_init(&limit, 1000) < 0)
        abort();
    refusals_init(&refusals);
    refusals_keep_lines(&refusals, true);
    const struct lane_opts o = {
        .parse = PARSE_OPTS_DEFAULT,
        .ingest = { .tags = TAGS_OPTS_DEFAULT, .profiles = profiles, .limit = &limit },
        .taps = { .on_datagram = on_datagram, .on_batch = on_batch },
        .refusals = { .on_rejected = refusals_on_rejected,
                      .reasons = &refusals.wanted,
                      .on_refused = refusals_on_refused,
                      .cookie = &refusals },
    };
    if (lane_new(&o, &lane) < 0)
        abort();
    taps = (struct taps){ .lane = lane };
    const struct source_env env = { .lane = lane, .refusals = &refusals, .taps = &taps };
    stream_cut_init(&cut, &env, GAUGE_SIGN_AUTO);
}

static void take_down(void)
{
    lane_free(cut.lane);
    stream_cut_release(&cut);
    profiles_free(profiles);
    series_limit_release(&limit);
}

static size_t expand(const uint8_t *data, size_t size, char *to)
{
    size_t n = 0;
    for (size_t i = 0; i < size && n + 700 * 256 < EXPANDED_MAX; i++) {
        if (data[i] == 1 && i + 1 < size) {
            memset(to + n, 'x', 700u * data[i + 1]);
            n += 700u * data[++i];
        } else {
            to[n++] = (char)data[i];
        }
    }
    return n;
}

/* One read.  returns  whether there is more */
static bool read_one(struct reader *r, const char *stream, size_t len, size_t most)
{
    size_t n = len - r->at < most ? len - r->at : most;
    now = r;
    if (n == 0)
        return false;
    memcpy(cut.read, stream + r->at, n);
    r->at += n;
    if (stream_cut_push(&cut, &r->c, n, 1) == STREAM_GOES_ON)
        return true;
    r->at = len; /* closed */
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char stream[EXPANDED_MAX];
    if (size < 2)
        return 0;
    set_up();
    const size_t len = expand(data + 2, size - 2, stream);
    size_t piece = (size_t)data[1] * data[1] + 1;
    if (piece < len / READS_MAX) /* many reads of a long stream find nothing that few do not */
        piece = len / READS_MAX;
    uint32_t seed = data[0];
    for (int i = 0; i < READERS; i++) {
        readers[i] = (struct reader){ .at = 0 };
        framing_init(&readers[i].c.framing, data[0] & 1 ? FRAMING_DSD : FRAMING_LINE, cut.front);
    }
    for (bool more = true; more;) {
        more = read_one(&readers[0], stream, len, STREAM_READ_BYTES);
        for (int i = 1; i < READERS; i++) {
            seed = seed * 1664525u + 1013904223u;
            size_t most = (seed >> 8) % piece + 1;
            more |= read_one(&readers[i], stream, len,
                             most < STREAM_READ_BYTES ? most : STREAM_READ_BYTES);
        }
    }
    for (int i = 0; i < READERS; i++) {
        now = &readers[i];
        (void)stream_cut_end(&cut, &now->c, true, 1);
        assert(now->c.room == NULL);
        assert(now->lines == readers[0].lines && now->rejected == readers[0].rejected);
        assert(now->digest.lo == readers[0].digest.lo && now->digest.hi == readers[0].digest.hi);
    }
    take_down();
    return 0;
}
