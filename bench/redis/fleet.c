/*
 * Many instances that write to one Redis, flush by flush.
 *
 *     fleet instances=3 series=100000 counters=70 gauges=15 timers=13 sets=2 buckets=12 members=5
 *           shared=100 nodes=unix:/tmp/r.sock,7001,7002 flushes=2 [reference=FILE.lua]
 *
 *   counters, gauges, timers, sets   of 100 series
 *   shared       of 100 series, those that all instances have in common
 *   nodes        masters: sockets' paths or ports on 127.0.0.1; the slots are shared out in order
 *   reference    the script that takes the same series in the ledger's place
 *
 *   main         options, a connection to each node, then flush by flush
 *   flush_all    of each instance in turn: flush_ledger, or the reference's
 *   take_batch   .. a batch gets its number, its bytes, and goes to its node
 *   read_answer  .. where a node has 16 of them, one has to be answered first
 *
 * Before each flush it reads a line from stdin, and after it prints its figures as RESULT lines and
 * an empty one, so that its caller can ask Redis in between.
 */
#include "fleet.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <hiredis/hiredis.h>

#include "base/mem.h"
#include "base/now.h"
#include "micro.h"
#include "sinks/redis/encode.h"
#include "sinks/redis/keys.h"
#include "sinks/redis/producer.h"
#include "sinks/redis/script.h"

enum { NODES_MAX = 16, WINDOW = 16, SLOTS = 16384, INTERVAL_S = 10, NODES_TEXT = 1024 };

struct node {
    redisContext *redis;
    char sha[REDIS_SHA_DIGITS + 1];
    uint32_t in_flight;
};

struct instance {
    struct redis_producer producer[REDIS_SHARDS];
};

struct fleet {
    struct fleet_plan plan;
    const char *script; /* a file; NULL: the ledger */
    uint32_t flushes;
    char nodes_text[NODES_TEXT];
    struct node node[NODES_MAX];
    uint32_t n_nodes;
    struct instance *at; /* the ledger's */
    struct fleet_load *load;
    struct fleet_reference *reference;
    uint32_t current; /* instance */
    char token[REDIS_TOKEN_DIGITS + 1];
    struct buf wire;
    /* of a flush */
    uint64_t batches, bytes;
    uint32_t nth;
};

static _Noreturn void die(const char *what, const char *why)
{
    fprintf(stderr, "fleet: %s: %s\n", what, why);
    exit(1); /* NOLINT(concurrency-mt-unsafe): there is but one thread */
}

static struct node *node_of(struct fleet *f, uint32_t shard)
{
    char tag[16];
    int n = snprintf(tag, sizeof tag, "sd:%02u", shard);
    uint32_t slot = redis_keys_crc16((struct slice){ tag, (size_t)n }) % SLOTS;
    return &f->node[slot * f->n_nodes / SLOTS];
}

/* One answer: anything but `applied` makes the figures worthless. */
static void read_answer(struct fleet *f, struct node *n)
{
    redisReply *r;
    if (redisGetReply(n->redis, (void **)&r) != REDIS_OK)
        die("redis", n->redis->errstr);
    bool good = f->reference != NULL
                    ? r->type == REDIS_REPLY_INTEGER && r->integer > 0
                    : r->type == REDIS_REPLY_STATUS || r->type == REDIS_REPLY_STRING;
    if (!good || (f->reference == NULL && strncmp(r->str, "applied", 7) != 0))
        die("a batch was not applied", r->str != NULL ? r->str : "no text");
    freeReplyObject(r);
    n->in_flight--;
}

static void send_command(struct fleet *f, uint32_t shard, const struct buf *command)
{
    struct node *n = node_of(f, shard);
    if (n->in_flight == WINDOW)
        read_answer(f, n);
    redisAppendFormattedCommand(n->redis, command->ptr, command->len);
    int done = 0;
    while (!done) {
        if (redisBufferWrite(n->redis, &done) != REDIS_OK)
            die("redis", n->redis->errstr);
    }
    n->in_flight++;
    f->batches++;
    f->bytes += command->len;
}

static void take_command(void *cookie, uint32_t shard, const struct buf *command)
{
    send_command(cookie, shard, command);
}

static void take_batch(void *cookie, struct redis_batch *b)
{
    struct fleet *f = cookie;
    struct redis_producer *p = &f->at[f->current].producer[b->shard];
    redis_batch_brand(b, f->token);
    redis_producer_address(p, b, f->nth);
    redis_batch_sha(b, node_of(f, b->shard)->sha);
    buf_clear(&f->wire);
    redis_batch_wire(b, &f->wire);
    redis_producer_advance(p, b);
    send_command(f, b->shard, &f->wire);
    redis_batch_free(b);
}

static void flush_ledger(struct fleet *f, int64_t start_s)
{
    enum { LIFE_S = 4800 };
    const struct snapshot snap = { .start_s = start_s,
                                   .interval_ms = INTERVAL_S * INT64_C(1000),
                                   .n_series = f->plan.series };
    char name[16];
    snprintf(name, sizeof name, "web-%04u", f->current);
    const struct redis_encode_opts o = { .prefix = "sd", .instance = name, .retention_s = 600 };
    struct redis_encode *e = redis_encode_new(&o); /* a thousand of them would take gigabytes */
    snprintf(f->token, sizeof f->token, "%08x%08x", f->current, f->nth);
    redis_encode_begin(e, &snap, LIFE_S, take_batch, f);
    for (uint32_t nth = 0; nth < f->plan.series; nth++) {
        struct closed_series s;
        fleet_load_series(f->load, f->current, nth, start_s, &s);
        redis_encode_put(e, &s);
    }
    redis_encode_end(e);
    redis_encode_free(e);
}

static void flush_all(struct fleet *f, int64_t start_s)
{
    f->batches = f->bytes = 0;
    f->nth++;
    for (f->current = 0; f->current < f->plan.instances; f->current++) {
        if (f->reference != NULL)
            fleet_reference_flush(f->reference, f->load, f->current, start_s, take_command, f);
        else
            flush_ledger(f, start_s);
    }
    for (uint32_t i = 0; i < f->n_nodes; i++) {
        while (f->node[i].in_flight > 0)
            read_answer(f, &f->node[i]);
    }
}

static void load_script(struct fleet *f, struct node *n)
{
    struct buf text = { 0 };
    if (f->script != NULL) {
        FILE *in = fopen(f->script, "r");
        if (in == NULL)
            die(f->script, "cannot be read");
        for (size_t got = 1; got > 0;) {
            got = fread(buf_reserve(&text, BUFSIZ), 1, BUFSIZ, in);
            text.len += got;
        }
        (void)fclose(in);
    } else
        redis_script_append(&text);
    redisReply *r = redisCommand(n->redis, "SCRIPT LOAD %b", text.ptr, text.len);
    if (r == NULL || r->type != REDIS_REPLY_STRING || r->len != REDIS_SHA_DIGITS)
        die("SCRIPT LOAD", r != NULL && r->str != NULL ? r->str : n->redis->errstr);
    snprintf(n->sha, sizeof n->sha, "%s", r->str);
    freeReplyObject(r);
    buf_release(&text);
}

static void connect_nodes(struct fleet *f)
{
    char *rest = f->nodes_text, *word;
    while ((word = strsep(&rest, ",")) != NULL) {
        if (f->n_nodes == NODES_MAX)
            die("nodes", "too many");
        struct node *n = &f->node[f->n_nodes++];
        n->redis = word[0] == '/' ? redisConnectUnix(word)
                                  : redisConnect("127.0.0.1", (int)strtol(word, NULL, 10));
        if (n->redis == NULL || n->redis->err != 0)
            die(word, n->redis != NULL ? n->redis->errstr : "no memory");
        load_script(f, n);
    }
}

static void begin_instances(struct fleet *f)
{
    f->at = mem_zalloc(sizeof *f->at * f->plan.instances);
    for (uint32_t i = 0; i < f->plan.instances; i++) {
        char id[REDIS_ID_DIGITS + 1];
        for (uint32_t nn = 0; nn < REDIS_SHARDS; nn++) {
            snprintf(id, sizeof id, "%016x%016x", i + 1, nn);
            redis_producer_begin(&f->at[i].producer[nn], id);
        }
    }
}

static void option(struct fleet *f, const char *name, char *value)
{
    struct fleet_plan *p = &f->plan;
    const struct {
        const char *name;
        uint32_t *value;
    } numbers[] = { { "instances", &p->instances },
                    { "series", &p->series },
                    { "counters", &p->part[SERIES_COUNTER] },
                    { "gauges", &p->part[SERIES_GAUGE] },
                    { "timers", &p->part[SERIES_TIMER] },
                    { "sets", &p->part[SERIES_SET] },
                    { "buckets", &p->buckets },
                    { "members", &p->members },
                    { "shared", &p->shared },
                    { "flushes", &f->flushes } };
    if (strcmp(name, "nodes") == 0) {
        snprintf(f->nodes_text, sizeof f->nodes_text, "%s", value);
        return;
    }
    if (strcmp(name, "reference") == 0) {
        f->script = value;
        return;
    }
    size_t k = 0;
    while (k < ARRAY_LEN(numbers) && strcmp(name, numbers[k].name) != 0)
        k++;
    if (k == ARRAY_LEN(numbers))
        die(name, "no such option");
    *numbers[k].value = (uint32_t)strtoul(value, NULL, 10);
}

static void options(struct fleet *f, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (value == NULL)
            die(argv[i], "say name=value");
        *value = '\0';
        option(f, argv[i], value + 1);
    }
}

int main(int argc, char **argv)
{
    static struct fleet f = { .plan = { .instances = 3,
                                        .series = 10000,
                                        .part = { 70, 15, 13, 2 },
                                        .buckets = 12,
                                        .members = 5,
                                        .shared = 100 },
                              .flushes = 2 };
    options(&f, argc, argv);
    connect_nodes(&f);
    f.load = fleet_load_new(&f.plan);
    if (f.script != NULL)
        f.reference = fleet_reference_new(&f.plan, f.node[0].sha);
    else
        begin_instances(&f);
    int64_t start_s = (int64_t)time(NULL) / INTERVAL_S * INTERVAL_S;
    for (uint32_t i = 0; i < f.flushes && getchar() != EOF; i++, start_s += INTERVAL_S) {
        uint64_t from_ns = now_mono_ns(), cpu_ns = micro_now_ns();
        flush_all(&f, start_s);
        micro_print("seconds", (double)(now_mono_ns() - from_ns) / 1e9, "s");
        micro_print("cpu", (double)(micro_now_ns() - cpu_ns) / 1e9, "s");
        micro_print("batches", (double)f.batches, "batches");
        micro_print("bytes", (double)f.bytes, "bytes");
        printf("\n");
        (void)fflush(stdout);
    }
    return 0;
}
