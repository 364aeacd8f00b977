#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/selfmetrics.h"
#include "sinks/redis.h"
#include "support/pipeline.h"

enum { ROWS_MAX = 256 };

/* The rows of all tables, in their order. */
static size_t all_rows(const struct counter_row *ret[ROWS_MAX])
{
    size_t n = 0;
    for (size_t t = 0; t < COUNTER_TABLE_COUNT; t++) {
        for (size_t i = 0; i < counter_tables[t]->n; i++) {
            assert_true(n < ROWS_MAX);
            ret[n++] = &counter_tables[t]->rows[i];
        }
    }
    return n;
}

/*
 * Two workers, three listeners: worker 0 reads the first and the third, worker 1 the second socket
 * of the first.
 */
struct rig {
    struct pipeline p;
    struct turn turn;
    struct listener listeners[3];
    struct sink_list sinks;
    struct selfmetrics_sources src;
    struct buf text;
};

static void rig_init(struct rig *r)
{
    memset(r, 0, sizeof *r);
    pipeline_init(&r->p, &(struct pipeline_opts){ 0 });
    r->listeners[0].n = r->listeners[0].n_readers = 2;
    r->listeners[2].n = r->listeners[2].n_readers = 1;
    r->listeners[2].places[0] = 1;
    static const char *const names[] = { "udp://127.0.0.1:8125", "udp://[::1]:8125",
                                         "unixgram:///a\"b\\c\n" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(r->listeners[i].address.name, sizeof r->listeners[i].address.name, "%s", names[i]);
        r->listeners[i].address.transport = i == 2 ? LISTEN_UNIXGRAM : LISTEN_UDP;
        r->listeners[i].rcvbuf_granted = 1000 * (i + 1);
    }
    r->turn.n_workers = 2;
    r->src = (struct selfmetrics_sources){ .turn = &r->turn,
                                           .registry = r->p.registry,
                                           .listeners = r->listeners,
                                           .n_listeners = 3,
                                           .sinks = &r->sinks,
                                           .server = { .version = "1.2.3", .commit = "abc" } };
}

static void rig_release(struct rig *r)
{
    pipeline_release(&r->p);
    buf_release(&r->text);
}

static const char *render(struct rig *r)
{
    buf_clear(&r->text);
    struct writer *w = writer_text.open(&(struct writer_opts){ 0 });
    selfmetrics_render(&r->src, w, &r->text);
    w->ops->close(w);
    buf_append_char(&r->text, '\0');
    return r->text.ptr;
}

static void counters_end_in_total_and_gauges_do_not(void **unused)
{
    (void)unused;
    const struct counter_row *rows[ROWS_MAX];
    size_t n_rows = all_rows(rows);
    for (size_t i = 0; i < n_rows; i++) {
        const char *name = rows[i]->name;
        size_t n = strlen(name);
        bool total = n > 6 && strcmp(name + n - 6, "_total") == 0;
        assert_int_equal(total, rows[i]->kind == COUNTER_KIND_COUNTER);
        assert_true(strncmp(name, "statsd_", 7) == 0 || strncmp(name, "process_", 8) == 0);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), n);
        assert_int_equal(rows[i]->help[strlen(rows[i]->help) - 1], '.');
    }
}

static void every_name_is_reserved_and_comes_once(void **unused)
{
    (void)unused;
    size_t n;
    const struct counter_row *rows[ROWS_MAX];
    const char *const *names = counter_names(&n);
    assert_int_equal(n, all_rows(rows));
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(names[i], rows[i]->name);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(names[i], names[j]);
    }
}

static void every_row_has_its_head_once_and_redis_rows_only_with_redis(void **unused)
{
    (void)unused;
    struct rig r;
    rig_init(&r);
    const char *text = render(&r);
    const struct counter_row *rows[ROWS_MAX];
    size_t n_rows = all_rows(rows);
    for (size_t i = 0; i < n_rows; i++) {
        const char *name = rows[i]->name;
        char head[512];
        snprintf(head, sizeof head, "# HELP %s %s\n# TYPE %s %s\n", name, rows[i]->help, name,
                 rows[i]->kind == COUNTER_KIND_COUNTER ? "counter" : "gauge");
        const char *at = strstr(text, head);
        bool of_redis =
            strncmp(name, "statsd_redis_", 13) == 0 || strncmp(name, "statsd_cluster_", 15) == 0;
        assert_int_equal(at == NULL, of_redis);
        if (at == NULL)
            continue;
        assert_null(strstr(at + 1, head));
        /* Without a certificate there is no time at which it ends. */
        bool of_tls = strcmp(name, "statsd_http_tls_certificate_expiry_timestamp_seconds") == 0;
        if (rows[i]->labels[0] == '\0' && !of_tls) {
            const char *line = at + strlen(head);
            assert_memory_equal(line, name, strlen(name));
            assert_int_equal(line[strlen(name)], ' ');
        }
    }
    rig_release(&r);
}

static void the_workers_add_up_and_the_registry_and_control_stand_beside_them(void **unused)
{
    (void)unused;
    struct rig r;
    rig_init(&r);
    for (int id = 0; id < INGEST_COUNTER_COUNT; id++) {
        r.turn.seen[0].v[id] = 1;
        r.turn.seen[1].v[id] = 10;
        r.turn.seen[2].v[id] = 1000; /* no such worker */
    }
    struct socket_stats *stats = r.listeners[0].stats;
    stats[0] = (struct socket_stats){ .datagrams = 1, .bytes = 20, .errors = 3 };
    stats[1] = (struct socket_stats){ .datagrams = 10, .bytes = 400, .errors = 5 };
    stats[2] = (struct socket_stats){ .datagrams = 1000 }; /* no such socket */
    r.src.bound_again = 4;
    r.src.server.intervals = 6;
    r.src.expose.cut = 7;
    r.src.expose.seconds = 0.25;
    pipeline_feed(&r.p, 0, "a:1|c\nb:1|g\nb:1|c");
    pipeline_turn(&r.p);
    struct selfmetrics all;
    selfmetrics_gather(&r.src, &all);
    for (int id = 0; id < INGEST_COUNTER_COUNT; id++)
        assert_int_equal(all.ingest.counters.v[id], 11);
    static const char *const want[] = {
        "statsd_samples_read_total 11",
        "statsd_series_created_total 3",
        "statsd_type_conflicts_total 1",
        "statsd_datagrams_received_total 11",
        "statsd_bytes_received_total 420",
        "statsd_receive_errors_total 8",
        "statsd_http_scrapes_cut_total 7",
        "statsd_unix_sockets_bound_again_total 4",
        "statsd_intervals_closed_total 6",
        "statsd_last_render_duration_seconds 0.25",
        "statsd_http_connections_refused_total{reason=\"max_per_ip\"} 0",
    };
    const char *text = render(&r);
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        if (!pipeline_has(text, want[i]))
            fail_msg("not shown: %s\nshown:\n%s", want[i], text);
    rig_release(&r);
}

static void rejected_samples_are_told_by_reason(void **unused)
{
    (void)unused;
    struct rig r;
    rig_init(&r);
    uint64_t sum = 0;
    for (int i = 0; i < REASON_COUNT; i++) {
        r.turn.rejected[0][i] = (uint64_t)i;
        r.turn.rejected[1][i] = 100;
        sum += (uint64_t)i + 100;
    }
    const char *text = render(&r);
    for (int i = 0; i < REASON_COUNT; i++) {
        char line[128];
        snprintf(line, sizeof line, "statsd_samples_rejected_total{reason=\"%s\"} %d",
                 reason_name((enum reason)i), 100 + i);
        assert_true(pipeline_has(text, line));
    }
    struct selfmetrics all;
    selfmetrics_gather(&r.src, &all);
    assert_true(counter_sum(&all.sources[COUNTER_TABLE_INGEST], INGEST_REJECTED) == (double)sum);
    rig_release(&r);
}

static void each_socket_of_each_worker_has_its_line(void **unused)
{
    (void)unused;
    struct rig r;
    rig_init(&r);
    r.listeners[0].stats[0] = (struct socket_stats){ .datagrams = 7, .kernel_drops = 1 };
    r.listeners[2].stats[0] = (struct socket_stats){ .datagrams = 8 };
    r.listeners[0].stats[1] = (struct socket_stats){ .datagrams = 9, .kernel_drops = 2 };
    const char *text = render(&r);
    static const char *const want[] = {
        "statsd_socket_datagrams_received_total{socket=\"udp://127.0.0.1:8125\",worker=\"0\"} 7",
        ("statsd_socket_datagrams_received_total"
         "{socket=\"unixgram:///a\\\"b\\\\c_\",worker=\"0\"} 8"),
        "statsd_socket_datagrams_received_total{socket=\"udp://127.0.0.1:8125\",worker=\"1\"} 9",
        "statsd_udp_kernel_drops_total{socket=\"udp://127.0.0.1:8125\",worker=\"0\"} 1",
        "statsd_udp_kernel_drops_total{socket=\"udp://127.0.0.1:8125\",worker=\"1\"} 2",
        "statsd_socket_receive_buffer_bytes{socket=\"udp://127.0.0.1:8125\"} 1000",
        "statsd_socket_receive_buffer_bytes{socket=\"udp://[::1]:8125\"} 2000",
        "statsd_socket_receive_buffer_bytes{socket=\"unixgram:///a\\\"b\\\\c_\"} 3000",
        "statsd_build_info{version=\"1.2.3\",commit=\"abc\"} 1",
    };
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        if (!pipeline_has(text, want[i]))
            fail_msg("not shown: %s\nshown:\n%s", want[i], text);
    assert_null(strstr(text, "kernel_drops_total{socket=\"unixgram"));
    struct selfmetrics all;
    selfmetrics_gather(&r.src, &all);
    assert_int_equal(listen_sums(&all.listen).kernel_drops, 3);
    rig_release(&r);
}

static void series_are_told_by_kind_and_the_process_measures_itself(void **unused)
{
    (void)unused;
    struct rig r;
    rig_init(&r);
    pipeline_feed(&r.p, 0, "a:1|c\nb:1|c\nc:1|g\nd:1|ms\ne:1|h\nf:1|d\ng:x|s");
    pipeline_turn(&r.p);
    r.src.server.interval_seconds = 2.5;
    const char *text = render(&r);
    assert_true(pipeline_has(text, "statsd_series{kind=\"counter\"} 2"));
    assert_true(pipeline_has(text, "statsd_series{kind=\"gauge\"} 1"));
    assert_true(pipeline_has(text, "statsd_series{kind=\"timer\"} 3"));
    assert_true(pipeline_has(text, "statsd_series{kind=\"set\"} 1"));
    assert_true(pipeline_has(text, "statsd_interval_seconds 2.5"));
    static const char *const above_zero[] = { "process_resident_memory_bytes ",
                                              "process_open_fds " };
    for (size_t i = 0; i < ARRAY_LEN(above_zero); i++) {
        char start[64];
        snprintf(start, sizeof start, "\n%s", above_zero[i]);
        const char *at = strstr(text, start);
        assert_non_null(at);
        assert_true(strtod(at + strlen(start), NULL) > 0);
    }
    rig_release(&r);
}

static const void *counted(struct sink *s)
{
    static const struct redis_stats stats = { .gaps = 7, .spool_age_ms = 1500 };
    (void)s;
    return &stats;
}

/* The rest of the sink is not asked for here. */
static void no_begin(struct sink *s, const struct snapshot *snap, bool final)
{
    (void)s;
    (void)snap;
    (void) final;
}

static void no_entry(struct sink *s, const struct event_entry *e)
{
    (void)s;
    (void)e;
}

static void no_put(struct sink *s, const struct closed_series *c)
{
    (void)s;
    (void)c;
}

static bool is_idle(const struct sink *s)
{
    (void)s;
    return true;
}

static void nothing_left(const struct sink *s, struct sink_amount *ret)
{
    (void)s;
    *ret = (struct sink_amount){ 0 };
}

static void no_end(struct sink *s)
{
    (void)s;
}

static void the_numbers_of_a_sink_are_found_by_its_table(void **unused)
{
    (void)unused;
    struct rig r;
    rig_init(&r);
    struct sink sink = { .name = "fake",
                         .counters = &redis_counters,
                         .entry = no_entry,
                         .begin = no_begin,
                         .put = no_put,
                         .end = no_end,
                         .idle = is_idle,
                         .left = nothing_left,
                         .give_up = no_end,
                         .counted = counted,
                         .close = no_end };
    sink_list_add(&r.sinks, &sink);
    const char *text = render(&r);
    assert_true(pipeline_has(text, "statsd_redis_gaps_total 7"));
    assert_true(pipeline_has(text, "statsd_redis_spool_age_seconds 1.5"));
    assert_true(pipeline_has(text, "statsd_redis_up 0"));
    rig_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_end_in_total_and_gauges_do_not),
        cmocka_unit_test(every_name_is_reserved_and_comes_once),
        cmocka_unit_test(every_row_has_its_head_once_and_redis_rows_only_with_redis),
        cmocka_unit_test(the_workers_add_up_and_the_registry_and_control_stand_beside_them),
        cmocka_unit_test(rejected_samples_are_told_by_reason),
        cmocka_unit_test(each_socket_of_each_worker_has_its_line),
        cmocka_unit_test(the_numbers_of_a_sink_are_found_by_its_table),
        cmocka_unit_test(series_are_told_by_kind_and_the_process_measures_itself),
    };
    return cmocka_run_group_tests_name("selfmetrics", tests, NULL, NULL);
}
