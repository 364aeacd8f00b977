/*
 * Page turns over all workers: an ask is answered by a turn that began after it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "aggregate/registry_priv.h"
#include "aggregate/registry_search.h"
#include "app/turn.h"
#include "base/now.h"
#include "listen/counters.h"
#include "support/loop_until.h"

enum { WORKERS = 2, WAIT_MS = 20000 };

/*
 * The thread sanitizer takes connect() for the making of a descriptor, so it calls it a race that
 * udp_refuse connects a socket which a worker is reading.  The kernel orders the two; no memory of
 * ours is shared.
 */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:udp_refuse\n";
}

struct rig {
    uv_loop_t loop;
    struct turn turn;
    struct series_limit limit;
    struct profiles *profiles;
    struct registry *registry;
    struct worker *workers[WORKERS];
    struct listener listener;
    int sender;
    uint64_t sent, turned, until; /* until: the turn that loop_until waits for */
    uint64_t done_at[16];         /* turn.done in each on_turned */
    uint64_t datagrams_at[16];
    int ask_again; /* how often on_turned asks for another turn */
};

static uint64_t datagrams(const struct rig *r)
{
    const struct listen_stats s = { .listeners = &r->listener, .n_listeners = 1 };
    return listen_sums(&s).datagrams;
}

static void on_turned(void *rig)
{
    struct rig *r = rig;
    assert_false(r->turn.under_way);
    assert_true(r->turned < 16);
    r->done_at[r->turned] = r->turn.done;
    r->datagrams_at[r->turned++] = datagrams(r);
    if (r->ask_again > 0) {
        r->ask_again--;
        turn_ask(&r->turn, false);
    }
}

static void rig_init(struct rig *r)
{
    static const struct listen_address defaults = { .rcvbuf = 8 << 20 };
    memset(r, 0, sizeof *r);
    assert_int_equal(uv_loop_init(&r->loop), 0);
    assert_int_equal(turn_init(&r->turn, &r->loop), 0);
    assert_int_equal(series_limit_init(&r->limit, 1000), 0);
    r->profiles = profiles_new(&(struct profile){
        .summary_max_age_ms = 60000, .summary_age_buckets = 5, .sketch_schema = 5, .scale = 1 });
    r->registry =
        registry_new(&(struct registry_opts){ .profiles = r->profiles, .limit = &r->limit });
    struct listen_address a;
    struct buf error = { 0 };
    assert_int_equal(socket_url_parse(SLICE_LIT("udp://127.0.0.1:0"), &defaults, &a, &error), 0);
    assert_int_equal(listener_open(&a, WORKERS, &r->listener, &error), 0);
    struct worker_opts o = { .lane = { .parse = PARSE_OPTS_DEFAULT,
                                       .ingest = { .tags = TAGS_OPTS_DEFAULT,
                                                   .profiles = r->profiles,
                                                   .limit = &r->limit } },
                             .notify = turn_notify,
                             .cookie = &r->turn };
    for (unsigned i = 0; i < WORKERS; i++) {
        o.index = i;
        assert_int_equal(worker_new(&o, &r->workers[i]), 0);
        assert_int_equal(worker_add_socket(r->workers[i], r->listener.fds[i], &a), 0);
        assert_int_equal(worker_start(r->workers[i]), 0);
    }
    r->turn.workers = r->workers;
    r->turn.n_workers = WORKERS;
    r->turn.listeners = &r->listener;
    r->turn.n_listeners = 1;
    r->turn.registry = r->registry;
    r->turn.on_turned = on_turned;
    r->turn.cookie = r;
    r->sender = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(connect(r->sender, (struct sockaddr *)&r->listener.address.addr,
                             r->listener.address.addr_len),
                     0);
}

static void rig_release(struct rig *r)
{
    close(r->sender);
    for (unsigned i = 0; i < WORKERS; i++)
        worker_join(r->workers[i]);
    listener_close(&r->listener);
    turn_close(&r->turn);
    assert_true(loop_drain(&r->loop, WAIT_MS));
    assert_int_equal(uv_loop_close(&r->loop), 0);
    registry_free(r->registry);
    profiles_free(r->profiles);
    series_limit_release(&r->limit);
}

static void send_some(struct rig *r, unsigned n)
{
    for (; n > 0; n--, r->sent++)
        assert_int_equal(send(r->sender, "x:1|c\nbad", 9, 0), 9);
}

static bool reached(void *rig)
{
    const struct rig *r = rig;
    return r->turn.done >= r->until && !r->turn.under_way;
}

static void wait_for(struct rig *r, uint64_t turn)
{
    r->until = turn;
    assert_true(loop_until(&r->loop, reached, r, WAIT_MS));
}

static void a_turn_shows_what_was_sent_before_it_was_asked_for(void **unused)
{
    (void)unused;
    struct rig r;
    rig_init(&r);
    for (unsigned i = 1; i <= 10; i++) {
        send_some(&r, i);
        uint64_t n = turn_ask(&r.turn, false);
        assert_int_equal(n, i);
        wait_for(&r, n);
        assert_int_equal(datagrams(&r), r.sent);
    }
    assert_int_equal(r.turned, 10);
    struct ingest_totals totals;
    turn_totals(&r.turn, &totals);
    assert_int_equal(totals.counters.v[INGEST_SAMPLES_AGGREGATED], r.sent);
    assert_int_equal(totals.rejected[REASON_NO_COLON], r.sent);
    rig_release(&r);
}

static void asks_during_a_turn_share_one_more_turn(void **unused)
{
    (void)unused;
    struct rig r;
    rig_init(&r);
    assert_int_equal(turn_ask(&r.turn, false), 1);
    for (unsigned i = 0; i < 5; i++) {
        send_some(&r, 3);
        assert_int_equal(turn_ask(&r.turn, false), 2);
    }
    wait_for(&r, 2);
    assert_int_equal(r.turned, 2);
    assert_int_equal(r.done_at[0], 1);
    assert_int_equal(r.done_at[1], 2);
    assert_int_equal(datagrams(&r), r.sent);
    rig_release(&r);
}

static void whoever_is_told_of_a_turn_may_ask_for_the_next(void **unused)
{
    (void)unused;
    struct rig r;
    rig_init(&r);
    r.ask_again = 3;
    turn_ask(&r.turn, false);
    assert_int_equal(turn_ask(&r.turn, false), 2);
    wait_for(&r, 4);
    assert_int_equal(r.turned, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(r.done_at[i], i + 1);
    rig_release(&r);
}

/*
 * The turn under way when the sockets were closed to senders is not the last one: its number is
 * below the one returned.
 */
static void the_last_turn_is_the_one_whose_number_was_returned(void **unused)
{
    (void)unused;
    struct rig r;
    rig_init(&r);
    turn_ask(&r.turn, false);
    send_some(&r, 500);
    listener_refuse(&r.listener);
    uint64_t last = turn_ask(&r.turn, true);
    assert_int_equal(last, 2);
    wait_for(&r, last);
    assert_int_equal(r.turned, 2);
    assert_int_equal(r.datagrams_at[1], r.sent);
    rig_release(&r);
}

/* ---- what is deleted ---- */

static void remove_all(struct rig *r)
{
    struct buf why = { 0 };
    struct registry_search *s = registry_search_new(
        r->registry,
        &(struct registry_search_opts){ .pattern = series_pattern_new(SLICE_LIT("*"), false, &why),
                                        .type = SEARCH_ANY_TYPE,
                                        .limit = 1,
                                        .remove = true });
    while (registry_search_some(s, 10)) {}
    assert_int_equal(s->removed, 1);
    registry_search_free(s);
    buf_release(&why);
}

static void what_is_deleted_leaves_all_workers_with_the_turns_that_follow(void **unused)
{
    (void)unused;
    struct rig r;
    rig_init(&r);
    for (unsigned round = 0; round < 2; round++) {
        send_some(&r, 20);
        wait_for(&r, turn_ask(&r.turn, false));
        remove_all(&r);
        assert_true(registry_has_deleted(r.registry));
        send_some(&r, 20); /* it comes back meanwhile, and is deleted again */
        wait_for(&r, turn_ask(&r.turn, false));
        assert_false(registry_has_deleted(r.registry));
        remove_all(&r);
        for (unsigned i = 0; i < 4; i++)
            wait_for(&r, turn_ask(&r.turn, false));
        while (registry_expire(r.registry, now_mono_ns())) {}
        assert_int_equal(r.registry->n_all, 0);
    }
    struct ingest_totals totals;
    turn_totals(&r.turn, &totals);
    assert_int_equal(totals.counters.v[INGEST_SAMPLES_AGGREGATED], r.sent);
    rig_release(&r);
}

/* ---- another mapping ---- */

static struct core_mapping mapping_to(const char *name, bool drop)
{
    const struct mapping_rule rule = { .match = "x", .classes = 7, .name = name, .drop = drop };
    struct core_mapping m = { .n_profiles = 1 };
    m.profiles = profiles_new(&(struct profile){
        .summary_max_age_ms = 60000, .summary_age_buckets = 5, .sketch_schema = 5, .scale = 1 });
    assert_int_equal(
        mapping_new(&(struct mapping_opts){ .rules = &rule, .n_rules = 1 }, &m.mapping), 0);
    return m;
}

/* The value of the only line of that family, or -1. */
static double shown(struct rig *r, const char *name)
{
    size_t n;
    struct family *const *families = registry_families(r->registry, &n);
    for (size_t i = 0; i < n; i++) {
        struct exposed_view v;
        if (strcmp(families[i]->name, name) != 0)
            continue;
        assert_int_equal(families[i]->n, 1);
        registry_view(r->registry, families[i]->exposed[0], 0, &v);
        return v.value;
    }
    return -1;
}

/* Another process may be reading the sockets by then. */
static void what_is_asked_for_during_a_pause_has_its_turn_after_it(void **unused)
{
    (void)unused;
    struct rig r;
    rig_init(&r);
    uint64_t pause = turn_ask_pause(&r.turn);
    uint64_t early = turn_ask(&r.turn, false);
    wait_for(&r, pause);
    uint64_t before = datagrams(&r);
    send_some(&r, 5);
    uint64_t late = turn_ask(&r.turn, false);
    assert_true(early == late && late == pause + 1);
    assert_false(r.turn.under_way);
    turn_go_on(&r.turn);
    assert_true(r.turn.under_way);
    wait_for(&r, late);
    assert_int_equal(datagrams(&r), before + 5);
    assert_int_equal(r.turn.done, late);
    rig_release(&r);
}

static void a_mapping_goes_with_a_turn_and_no_sample_is_lost(void **unused)
{
    (void)unused;
    struct rig r;
    uint64_t turn, counted = 0, dropped = 0;
    struct core_mapping before = { 0 }, m = { 0 };
    rig_init(&r);
    for (unsigned i = 0; i < 60; i++) {
        const char *name = i % 3 == 0 ? "y" : i % 3 == 1 ? "z" : "gone";
        const bool drop = i % 3 == 2;
        send_some(&r, 20);
        if (i % 2 == 0) /* with a turn under way it goes with the next */
            turn_ask(&r.turn, false);
        m = mapping_to(name, drop);
        r.turned = 0;
        assert_int_equal(turn_remap(&r.turn, &m, &turn), 0);
        wait_for(&r, turn);
        core_mapping_release(&before);
        before = m;
        send_some(&r, 10);
        r.turned = 0;
        wait_for(&r, turn_ask(&r.turn, false));
        assert_true(shown(&r, name) == (drop ? -1 : 10));
        assert_true(shown(&r, name[0] == 'y' ? "z" : "y") == -1);
    }
    struct ingest_totals totals;
    turn_totals(&r.turn, &totals);
    counted = totals.counters.v[INGEST_SAMPLES_AGGREGATED];
    dropped = totals.counters.dropped[INGEST_DROP_RULE];
    assert_int_equal(counted + dropped, r.sent);
    assert_int_equal(dropped, 20 * 10 + 20 * 20 - 20); /* the last are not followed by 20 */
    rig_release(&r);
    core_mapping_release(&before);
}

static void a_mapping_that_no_turn_has_taken_is_let_go(void **unused)
{
    (void)unused;
    struct rig r;
    uint64_t turn;
    struct core_mapping m = mapping_to("y", false);
    rig_init(&r);
    turn_ask(&r.turn, false);
    assert_int_equal(turn_remap(&r.turn, &m, &turn), 0);
    assert_int_equal(turn, 2);
    wait_for(&r, 1);
    rig_release(&r);
    core_mapping_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_shows_what_was_sent_before_it_was_asked_for),
        cmocka_unit_test(asks_during_a_turn_share_one_more_turn),
        cmocka_unit_test(whoever_is_told_of_a_turn_may_ask_for_the_next),
        cmocka_unit_test(the_last_turn_is_the_one_whose_number_was_returned),
        cmocka_unit_test(what_is_deleted_leaves_all_workers_with_the_turns_that_follow),
        cmocka_unit_test(what_is_asked_for_during_a_pause_has_its_turn_after_it),
        cmocka_unit_test(a_mapping_goes_with_a_turn_and_no_sample_is_lost),
        cmocka_unit_test(a_mapping_that_no_turn_has_taken_is_let_go),
    };
    return cmocka_run_group_tests_name("turn", tests, NULL, NULL);
}
