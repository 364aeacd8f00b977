/*
 * Lookups whose resolver the test holds in its hand: getaddrinfo is this file's.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/slice.h"
#include "sinks/redis/dial.h"
#include "sinks/redis/lookup.h"
#include "support/loop_until.h"

static uv_loop_t loop;
static sem_t asked, may_answer;
static atomic_int n_addresses; /* 192.0.2.1, 192.0.2.2 ..; 0: the name does not exist */

static struct addrinfo *address(int i)
{
    struct addrinfo *a = calloc(1, sizeof *a + sizeof(struct sockaddr_in));
    struct sockaddr_in *in = (struct sockaddr_in *)(a + 1);
    *in = (struct sockaddr_in){ .sin_family = AF_INET,
                                .sin_addr = { htonl(0xc0000200u + (uint32_t)i) } };
    a->ai_family = AF_INET;
    a->ai_addr = (struct sockaddr *)in;
    a->ai_addrlen = sizeof *in;
    return a;
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **ret)
{
    assert(host != NULL && service == NULL && hints != NULL);
    int n = n_addresses;
    if (strcmp(host, "slow.example") == 0) {
        sem_post(&asked);
        while (sem_wait(&may_answer) < 0) {}
    }
    struct addrinfo **end = ret;
    *ret = NULL;
    for (int i = 1; i <= n; i++, end = &(*end)->ai_next)
        *end = address(i);
    return n > 0 ? 0 : EAI_NONAME;
}

void freeaddrinfo(struct addrinfo *a)
{
    while (a != NULL) {
        struct addrinfo *next = a->ai_next;
        free(a);
        a = next;
    }
}

struct answer {
    int n;
    struct redis_ips ips;
    char error[128];
};

static void on_done(void *cookie, const struct redis_ips *ips, const char *error)
{
    struct answer *a = cookie;
    a->n++;
    if (ips != NULL)
        a->ips = *ips;
    snprintf(a->error, sizeof a->error, "%s", error ? error : "");
}

static void the_first_addresses_are_told_in_their_order(void **state)
{
    static const struct {
        int addresses;
        uint32_t told;
    } rows[] = {
        { 1, 1 }, { 3, 3 }, { REDIS_IPS_MAX, REDIS_IPS_MAX }, { 20, REDIS_IPS_MAX }, { 0, 0 }
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct redis_lookup *k;
        struct answer a = { 0 };
        n_addresses = rows[i].addresses;
        assert_int_equal(redis_lookup_start(&loop, "fast.example", on_done, &a, &k), 0);
        assert_int_equal(a.n, 0);
        assert_true(loop_drain(&loop, 5000));
        assert_int_equal(a.n, 1);
        assert_int_equal(a.ips.n, rows[i].told);
        for (uint32_t j = 0; j < a.ips.n; j++) {
            char want[32];
            snprintf(want, sizeof want, "192.0.2.%u", j + 1);
            assert_string_equal(a.ips.ip[j], want);
        }
        assert_int_equal(a.error[0] != '\0', rows[i].addresses == 0);
    }
}

/* A stop must not wait for a name server that is away: that takes 30 s and more. */
static void a_forgotten_lookup_does_not_keep_the_loop(void **state)
{
    (void)state;
    struct redis_lookup *k;
    struct answer a = { 0 };
    n_addresses = 2;
    assert_int_equal(redis_lookup_start(&loop, "slow.example", on_done, &a, &k), 0);
    while (sem_wait(&asked) < 0) {}
    redis_lookup_forget(k);
    bool drained = loop_drain(&loop, 1000);
    sem_post(&may_answer);
    loop_drain(&loop, 5000);
    assert_true(drained);
    assert_int_equal(a.n, 0);
}

static void forgetting_is_safe_at_any_time(void **state)
{
    (void)state;
    n_addresses = 2;
    redis_lookup_forget(NULL);
    for (int i = 0; i < 200; i++) {
        struct redis_lookup *k;
        struct answer a = { 0 };
        int rc;
        /* The resolver's last thread may be about to end. */
        while ((rc = redis_lookup_start(&loop, "fast.example", on_done, &a, &k)) == -EAGAIN)
            uv_sleep(1);
        assert_int_equal(rc, 0);
        for (int turns = i % 50; turns > 0 && a.n == 0; turns--)
            uv_run(&loop, UV_RUN_NOWAIT);
        if (a.n == 0)
            redis_lookup_forget(k);
        int n = a.n;
        assert_true(loop_drain(&loop, 5000));
        assert_int_equal(a.n, n);
    }
}

/* Each attempt asks anew; a resolver that hangs for good must not gather threads. */
static void only_so_many_lookups_hang_at_a_time(void **state)
{
    (void)state;
    struct redis_lookup *k;
    struct answer a = { 0 };
    int started = 0, rc = 0;
    n_addresses = 1;
    /* The resolver's threads of the test before may be about to end: at least one lookup begins
     * sooner or later. */
    while (started < 100) {
        rc = redis_lookup_start(&loop, "slow.example", on_done, &a, &k);
        if (rc < 0 && started > 0)
            break;
        started += rc == 0;
        if (rc == 0)
            redis_lookup_forget(k);
        else
            uv_sleep(1);
    }
    assert_int_equal(rc, -EAGAIN);
    assert_in_range(started, 1, 8);
    for (int i = 0; i < started; i++)
        sem_post(&may_answer);
    while ((rc = redis_lookup_start(&loop, "fast.example", on_done, &a, &k)) == -EAGAIN)
        uv_sleep(1);
    assert_int_equal(rc, 0);
    assert_true(loop_drain(&loop, 5000));
    assert_int_equal(a.n, 1);
}

/* A node whose name server is away is asked for again and again; the others have names, too. */
static void a_name_that_hangs_has_one_thread_and_holds_up_no_other(void **state)
{
    struct redis_lookup *k;
    struct answer a = { 0 };
    int rc = 0, started = 0;
    (void)state;
    n_addresses = 1;
    for (int i = 0; i < 100; i++) {
        rc = redis_lookup_start(&loop, "slow.example", on_done, &a, &k);
        if (rc == 0) {
            redis_lookup_forget(k);
            started++;
        }
    }
    assert_int_equal(rc, -EAGAIN);
    assert_int_equal(started, 1);
    rc = redis_lookup_start(&loop, "other.example", on_done, &a, &k);
    bool drained = loop_drain(&loop, 5000);
    sem_post(&may_answer);
    assert_int_equal(rc, 0);
    assert_true(drained);
    assert_int_equal(a.n, 1);
}

/* A cluster of many nodes, each with a name. */
static void many_names_are_looked_up_at_a_time(void **state)
{
    struct redis_lookup *k;
    struct answer a = { 0 };
    (void)state;
    n_addresses = 1;
    int rc = -EAGAIN; /* until the thread of the test before has ended */
    for (int i = 0; i < 5000 && rc == -EAGAIN; i++) {
        uv_sleep(1);
        rc = redis_lookup_start(&loop, "slow.example", on_done, &a, &k);
    }
    assert_int_equal(rc, 0);
    int started = 1;
    while (redis_lookup_start(&loop, "slow.example", on_done, &a, &k) == 0)
        started++;
    /* The resolver's last threads of the tests before may be about to end. */
    assert_in_range(started, REDIS_LOOKUPS_MAX - 2, REDIS_LOOKUPS_MAX);
    for (int i = 0; i < started; i++)
        sem_post(&may_answer);
    assert_true(loop_drain(&loop, 5000));
    assert_int_equal(a.n, started);
}

/* A cluster has dozens of nodes, which all are connected to at once. */
static void an_address_needs_no_lookup(void **state)
{
    static const struct {
        const char *host;
        bool is_ip;
    } rows[] = { { "127.0.0.1", true },  { "::1", true },      { "fe80::1%lo", true },
                 { "localhost", false }, { "127.0.0", false }, { "", false } };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(redis_dial_is_ip(rows[i].host), rows[i].is_ip);
}

static int setup(void **state)
{
    (void)state;
    sem_init(&asked, 0, 0);
    sem_init(&may_answer, 0, 0);
    return uv_loop_init(&loop);
}

static int teardown(void **state)
{
    (void)state;
    return uv_loop_close(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_addresses_are_told_in_their_order),
        cmocka_unit_test(a_forgotten_lookup_does_not_keep_the_loop),
        cmocka_unit_test(forgetting_is_safe_at_any_time),
        cmocka_unit_test(a_name_that_hangs_has_one_thread_and_holds_up_no_other),
        cmocka_unit_test(many_names_are_looked_up_at_a_time),
        cmocka_unit_test(an_address_needs_no_lookup),
        cmocka_unit_test(only_so_many_lookups_hang_at_a_time),
    };
    return cmocka_run_group_tests_name("redis_lookup", tests, setup, teardown);
}
