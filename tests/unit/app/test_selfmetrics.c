#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/selfmetrics.h"
#include "support/pipeline.h"

static const struct {
    const char *name, *label, *help;
    enum selfmetric_kind kind;
} rows[] = {
#define X(id, name, kind, label, help) { name, label, help, SELF_##kind },
    SELFMETRICS(X) SELFMETRICS_MEASURED(X)
#undef X
};

/* Two workers, three listeners: worker 0 reads the first and the third, worker 1 the second socket of the first. */
struct rig {
    struct pipeline p;
    struct turn turn;
    struct listener listeners[3];
    struct selfmetrics_sources src;
    struct buf text;
};

static void rig_init(struct rig *r)
{
    memset(r, 0, sizeof *r);
    pipeline_init(&r->p, &(struct pipeline_opts){ 0 });
    r->listeners[0].n = 2;
    r->listeners[2].n = 1;
    r->listeners[2].places[0] = 1;
    static const char *const names[] = { "udp://127.0.0.1:8125", "udp://[::1]:8125", "unixgram:///a\"b\\c\n" };
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
                                           .version = "1.2.3",
                                           .commit = "abc" };
}

static void rig_release(struct rig *r)
{
    pipeline_release(&r->p);
    buf_release(&r->text);
}

static const char *render(struct rig *r)
{
    buf_clear(&r->text);
    selfmetrics_render(&r->src, &r->text);
    buf_append_char(&r->text, '\0');
    return r->text.ptr;
}

static void counters_end_in_total_and_gauges_do_not(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t n = strlen(rows[i].name);
        bool total = n > 6 && strcmp(rows[i].name + n - 6, "_total") == 0;
        assert_int_equal(total, rows[i].kind == SELF_COUNTER);
        assert_true(strncmp(rows[i].name, "statsd_", 7) == 0 || strncmp(rows[i].name, "process_", 8) == 0);
        assert_int_equal(strspn(rows[i].name, "abcdefghijklmnopqrstuvwxyz_"), n);
        assert_int_equal(rows[i].help[strlen(rows[i].help) - 1], '.');
    }
}

static void every_name_is_reserved_and_comes_once(void **unused)
{
    (void)unused;
    size_t n;
    const char *const *names = selfmetrics_names(&n);
    assert_int_equal(n, ARRAY_LEN(rows));
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(names[i], rows[i].name);
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
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char head[512];
        snprintf(head, sizeof head, "# HELP %s %s\n# TYPE %s %s\n", rows[i].name, rows[i].help, rows[i].name,
                 rows[i].kind == SELF_COUNTER ? "counter" : "gauge");
        const char *at = strstr(text, head);
        bool of_redis = strncmp(rows[i].name, "statsd_redis_", 13) == 0;
        assert_int_equal(at == NULL, of_redis);
        if (at == NULL)
            continue;
        assert_null(strstr(at + 1, head));
        if (rows[i].label[0] == '\0') {
            const char *line = at + strlen(head);
            assert_memory_equal(line, rows[i].name, strlen(rows[i].name));
            assert_int_equal(line[strlen(rows[i].name)], ' ');
        }
    }
    rig_release(&r);
}

static void the_workers_the_registry_and_control_add_up(void **unused)
{
    (void)unused;
    struct rig r;
    rig_init(&r);
    for (int id = 0; id < SELF_COUNT; id++) {
        r.turn.seen[0].v[id] = 1;
        r.turn.seen[1].v[id] = 10;
        r.src.control.v[id] = 100;
    }
    r.turn.seen[2].v[SELF_DATAGRAMS] = 1000;   /* no such worker */
    pipeline_feed(&r.p, 0, "a:1|c\nb:1|g\nb:1|c");
    pipeline_turn(&r.p);
    struct selfmetrics all;
    selfmetrics_gather(&r.src, &all);
    for (int id = 0; id < SELF_COUNT; id++)
        assert_int_equal(all.v[id], 111 + registry_stats(r.p.registry)->v[id]);
    assert_int_equal(registry_stats(r.p.registry)->v[SELF_SERIES_CREATED], 3);
    assert_true(pipeline_has(render(&r), "statsd_series_created_total 114"));
    assert_true(pipeline_has(render(&r), "statsd_type_conflicts_total 112"));
    assert_true(pipeline_has(render(&r), "statsd_datagrams_received_total 111"));
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
        snprintf(line, sizeof line, "statsd_samples_rejected_total{reason=\"%s\"} %d", reason_name((enum reason)i), 100 + i);
        assert_true(pipeline_has(text, line));
    }
    assert_int_equal(selfmetrics_rejected(&r.src), sum);
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
        "statsd_socket_datagrams_received_total{socket=\"unixgram:///a\\\"b\\\\c_\",worker=\"0\"} 8",
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
    assert_int_equal(selfmetrics_kernel_drops(&r.src), 3);
    rig_release(&r);
}

static void series_are_told_by_kind_and_the_process_measures_itself(void **unused)
{
    (void)unused;
    struct rig r;
    rig_init(&r);
    pipeline_feed(&r.p, 0, "a:1|c\nb:1|c\nc:1|g\nd:1|ms\ne:1|h\nf:1|d\ng:x|s");
    pipeline_turn(&r.p);
    r.src.measured[SELF_INTERVAL_SECONDS] = 2.5;
    const char *text = render(&r);
    assert_true(pipeline_has(text, "statsd_series{kind=\"counter\"} 2"));
    assert_true(pipeline_has(text, "statsd_series{kind=\"gauge\"} 1"));
    assert_true(pipeline_has(text, "statsd_series{kind=\"timer\"} 3"));
    assert_true(pipeline_has(text, "statsd_series{kind=\"set\"} 1"));
    assert_true(pipeline_has(text, "statsd_interval_seconds 2.5"));
    static const char *const above_zero[] = { "process_resident_memory_bytes ", "process_open_fds " };
    for (size_t i = 0; i < ARRAY_LEN(above_zero); i++) {
        char start[64];
        snprintf(start, sizeof start, "\n%s", above_zero[i]);
        const char *at = strstr(text, start);
        assert_non_null(at);
        assert_true(strtod(at + strlen(start), NULL) > 0);
    }
    rig_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_end_in_total_and_gauges_do_not),
        cmocka_unit_test(every_name_is_reserved_and_comes_once),
        cmocka_unit_test(every_row_has_its_head_once_and_redis_rows_only_with_redis),
        cmocka_unit_test(the_workers_the_registry_and_control_add_up),
        cmocka_unit_test(rejected_samples_are_told_by_reason),
        cmocka_unit_test(each_socket_of_each_worker_has_its_line),
        cmocka_unit_test(series_are_told_by_kind_and_the_process_measures_itself),
    };
    return cmocka_run_group_tests_name("selfmetrics", tests, NULL, NULL);
}
