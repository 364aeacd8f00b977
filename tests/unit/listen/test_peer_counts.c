/* How many connections each address has: against a plain list, and what counts as one address. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"
#include "listen/peer_counts.h"

static struct sockaddr_storage address(const char *text)
{
    struct sockaddr_storage s = { 0 };
    struct sockaddr_in *v4 = (struct sockaddr_in *)&s;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&s;
    bool is6 = strchr(text, ':') != NULL;
    s.ss_family = is6 ? AF_INET6 : AF_INET;
    void *to = is6 ? (void *)&v6->sin6_addr : (void *)&v4->sin_addr;
    assert_int_equal(inet_pton(s.ss_family, text, to), 1);
    (is6 ? &v6->sin6_port : &v4->sin_port)[0] = (in_port_t)rand(); /* ports make no difference */
    return s;
}

static void an_address_is_one_and_so_are_those_of_an_ipv6_64(void **unused)
{
    (void)unused;
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        { "127.0.0.1", "127.0.0.1", true },
        { "127.0.0.1", "127.0.0.2", false },
        { "2001:db8::1", "2001:db8::1", true },
        { "2001:db8::1", "2001:db8::ffff:1", true },
        { "2001:db8::1", "2001:db8:0:1::1", false },
        { "::ffff:10.0.0.1", "10.0.0.1", true },
        { "::ffff:10.0.0.1", "::ffff:10.0.0.2", false },
        { "::1", "0.0.0.1", false },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct peer_counts *p = peer_counts_new(8);
        struct sockaddr_storage a = address(rows[i].a), b = address(rows[i].b);
        peer_counts_add(p, (struct sockaddr *)&a);
        assert_int_equal(peer_counts_of(p, (struct sockaddr *)&a), 1);
        assert_int_equal(peer_counts_of(p, (struct sockaddr *)&b), rows[i].same);
        peer_counts_free(p);
    }
}

static void counts_are_those_of_a_plain_list(void **unused)
{
    (void)unused;
    enum { PEERS = 300, STEPS = 20000 };
    static uint32_t want[PEERS];
    struct peer_counts *p = peer_counts_new(16); /* chains are long */
    srand(7);
    for (unsigned i = 0; i < STEPS; i++) {
        unsigned k = (unsigned)rand() % PEERS;
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(k) } };
        assert_int_equal(peer_counts_of(p, (struct sockaddr *)&a), want[k]);
        if (want[k] > 0 && rand() % 2 == 0) {
            peer_counts_drop(p, (struct sockaddr *)&a);
            want[k]--;
        } else {
            peer_counts_add(p, (struct sockaddr *)&a);
            want[k]++;
        }
        assert_int_equal(peer_counts_of(p, (struct sockaddr *)&a), want[k]);
    }
    peer_counts_free(p);
    peer_counts_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_one_and_so_are_those_of_an_ipv6_64),
        cmocka_unit_test(counts_are_those_of_a_plain_list),
    };
    return cmocka_run_group_tests_name("peer_counts", tests, NULL, NULL);
}
