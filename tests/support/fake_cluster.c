#include "support/fake_cluster.h"

#include <hiredis/hiredis.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "sinks/redis/keys.h"

enum { PEERS_MAX = 256 };

struct peer {
    struct fake_node *node;
    uv_tcp_t tcp;
    redisReader *reader;
    bool asking;
    struct buf out;
    char in[4096];
};

static struct peer *peers[PEERS_MAX];

static void on_peer_closed(uv_handle_t *h)
{
    struct peer *p = h->data;
    for (int i = 0; i < PEERS_MAX; i++)
        if (peers[i] == p)
            peers[i] = NULL;
    redisReaderFree(p->reader);
    buf_release(&p->out);
    free(p);
}

static void close_peer(struct peer *p)
{
    if (!uv_is_closing((uv_handle_t *)&p->tcp))
        uv_close((uv_handle_t *)&p->tcp, on_peer_closed);
}

static bool is(const redisReply *r, const char *word)
{
    return strcasecmp(r->element[0]->str, word) == 0;
}

static void put_host(const struct fake_cluster *c, struct buf *out)
{
    buf_append_str(out, c->hostless ? "$0\r\n\r\n" : "$9\r\n127.0.0.1\r\n");
}

static void put_slots(struct fake_cluster *c, struct buf *out)
{
    unsigned n = 0;
    struct buf ranges = { 0 };
    for (unsigned from = 0, to; from < FAKE_SLOTS; from = to) {
        for (to = from; to < FAKE_SLOTS && c->owner[to] == c->owner[from];)
            to++;
        if (c->owner[from] == FAKE_NOBODY)
            continue;
        n++;
        buf_printf(&ranges, "*3\r\n:%u\r\n:%u\r\n*3\r\n", from, to - 1);
        put_host(c, &ranges);
        buf_printf(&ranges, ":%u\r\n$1\r\nx\r\n", c->nodes[c->owner[from]].port);
    }
    buf_printf(out, "*%u\r\n", n);
    buf_append_slice(out, buf_slice(&ranges));
    buf_release(&ranges);
}

static uint16_t slot_of(const char *key)
{
    const char *open = strchr(key, '{'), *end = open != NULL ? strchr(open, '}') : NULL;
    assert_non_null(end);
    return redis_keys_crc16(slice_of(open + 1, (size_t)(end - open) - 1)) % FAKE_SLOTS;
}

static void put_redirect(struct fake_cluster *c, struct buf *out, const char *kind, unsigned slot,
                         uint8_t to)
{
    buf_printf(out, "-%s %u %s:%u\r\n", kind, slot, c->hostless ? "" : "127.0.0.1",
               c->nodes[to].port);
}

static void answer_key(struct peer *p, const redisReply *command, const char *key)
{
    struct fake_node *node = p->node;
    struct fake_cluster *c = node->of;
    uint8_t self = (uint8_t)(node - c->nodes);
    uint16_t slot = slot_of(key);
    bool asking = p->asking;
    p->asking = false;
    if (node->error != NULL)
        buf_printf(&p->out, "-%s\r\n", node->error);
    else if (c->owner[slot] == FAKE_NOBODY)
        buf_append_str(&p->out, "-CLUSTERDOWN Hash slot not served\r\n");
    else if (c->owner[slot] != self && !(asking && c->to[slot] == self))
        put_redirect(c, &p->out, "MOVED", slot, c->owner[slot]);
    else if (c->owner[slot] == self && c->to[slot] != FAKE_NOBODY)
        put_redirect(c, &p->out, "ASK", slot, c->to[slot]);
    else if (node->flushed && is(command, "EVALSHA"))
        buf_append_str(&p->out, "-NOSCRIPT No matching script. Please use EVAL.\r\n");
    else {
        assert_true(c->n_log < FAKE_LOG);
        c->log[c->n_log].node = self;
        c->log[c->n_log++].slot = slot;
        buf_append_str(&p->out, "$3\r\nyes\r\n");
    }
}

static void answer(struct peer *p, const redisReply *r)
{
    struct fake_node *node = p->node;
    if (is(r, "SCRIPT")) {
        node->loads++;
        node->flushed = node->forgets;
        buf_append_str(&p->out, "$40\r\naaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbb\r\n");
    } else if (is(r, "CLUSTER")) {
        node->slots_asked++;
        if (node->map != NULL)
            buf_printf(&p->out, "-%s\r\n", node->map);
        else
            put_slots(node->of, &p->out);
    } else if (is(r, "ROLE")) {
        buf_printf(&p->out, "*3\r\n%s\r\n:1\r\n*0\r\n",
                   node->is_replica ? "$5\r\nslave" : "$6\r\nmaster");
    } else if (is(r, "SENTINEL")) {
        buf_append_str(&p->out, node->master != NULL ? node->master : "*-1\r\n");
    } else if (is(r, "ASKING")) {
        node->asking++;
        p->asking = true;
        buf_append_str(&p->out, "+OK\r\n");
    } else if (is(r, "EVALSHA")) {
        answer_key(p, r, r->element[3]->str);
    } else if (is(r, "XADD") || is(r, "GET")) {
        answer_key(p, r, r->element[1]->str);
    } else {
        buf_append_str(&p->out, "+OK\r\n");
    }
}

static void on_alloc(uv_handle_t *h, size_t n, uv_buf_t *ret)
{
    struct peer *p = h->data;
    (void)n;
    *ret = uv_buf_init(p->in, sizeof p->in);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *in)
{
    struct peer *p = s->data;
    void *reply;
    if (n < 0) {
        close_peer(p);
        return;
    }
    redisReaderFeed(p->reader, in->base, (size_t)n);
    while (redisReaderGetReply(p->reader, &reply) == REDIS_OK && reply != NULL) {
        if (!p->node->frozen)
            answer(p, reply);
        freeReplyObject(reply);
    }
    uv_buf_t out = uv_buf_init(p->out.ptr, (unsigned)p->out.len);
    if (p->out.len > 0)
        assert_int_equal(uv_try_write(s, &out, 1), p->out.len);
    buf_clear(&p->out);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct fake_node *node = listener->data;
    struct peer *p = mem_zalloc(sizeof *p);
    assert_int_equal(status, 0);
    node->connections++;
    p->node = node;
    p->reader = redisReaderCreate();
    p->tcp.data = p;
    uv_tcp_init(node->of->loop, &p->tcp);
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&p->tcp), 0);
    uv_read_start((uv_stream_t *)&p->tcp, on_alloc, on_read);
    int i = 0;
    while (peers[i] != NULL)
        i++;
    assert_true(i < PEERS_MAX);
    peers[i] = p;
}

void fake_cluster_init(struct fake_cluster *c, uv_loop_t *loop)
{
    memset(c, 0, sizeof *c);
    c->loop = loop;
    memset(c->to, FAKE_NOBODY, sizeof c->to);
    for (int i = 0; i < FAKE_NODES; i++) {
        struct fake_node *node = &c->nodes[i];
        struct sockaddr_in any, at;
        int n = sizeof at;
        node->of = c;
        node->listener.data = node;
        uv_ip4_addr("127.0.0.1", 0, &any);
        uv_tcp_init(loop, &node->listener);
        assert_int_equal(uv_tcp_bind(&node->listener, (struct sockaddr *)&any, 0), 0);
        assert_int_equal(uv_listen((uv_stream_t *)&node->listener, 16, on_connection), 0);
        uv_tcp_getsockname(&node->listener, (struct sockaddr *)&at, &n);
        node->port = ntohs(at.sin_port);
    }
}

void fake_cluster_kill(struct fake_cluster *c, uint8_t node)
{
    for (int i = 0; i < PEERS_MAX; i++)
        if (peers[i] != NULL && peers[i]->node == &c->nodes[node])
            close_peer(peers[i]);
    if (!uv_is_closing((uv_handle_t *)&c->nodes[node].listener))
        uv_close((uv_handle_t *)&c->nodes[node].listener, NULL);
}

void fake_cluster_release(struct fake_cluster *c)
{
    for (uint8_t i = 0; i < FAKE_NODES; i++)
        fake_cluster_kill(c, i);
}

unsigned fake_cluster_taken(const struct fake_cluster *c, uint8_t node)
{
    unsigned n = 0;
    for (unsigned i = 0; i < c->n_log; i++)
        n += c->log[i].node == node;
    return n;
}
