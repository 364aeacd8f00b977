/*
 * Two lines as URLs of [listen] socket: read into what a listener can have, or refused with one
 * line of printable text.  What was read has a name that is read as the same address again.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "listen/socket_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORKERS = 4 };

static const struct listen_address defaults = { .spread = LISTEN_SPREAD_SOURCE,
                                                .gauge_sign = GAUGE_SIGN_AUTO,
                                                .rcvbuf = 1 << 20,
                                                .mode = LISTEN_MODE_DEFAULT,
                                                .idle_timeout_ms = 1000,
                                                .max_connections = 10,
                                                .max_per_address = 5 };

static void check_again(const struct listen_address *a)
{
    struct listen_address again;
    struct buf error = { 0 };
    int rc = socket_url_parse(slice_str(a->name), &defaults, &again, &error);
    assert(rc == 0 && error.len == 0);
    assert(again.addr_len == a->addr_len && memcmp(&again.addr, &a->addr, sizeof a->addr) == 0);
    assert(again.transport == a->transport && strcmp(again.name, a->name) == 0);
    (void)rc;
}

static void check_address(const struct listen_address *a)
{
    struct listen_address twin;
    char text[ADDRESS_TEXT_MAX];
    assert(memchr(a->name, '\0', sizeof a->name) != NULL && strstr(a->name, "://") != NULL);
    assert(strlen(socket_url_where(a)) < strlen(a->name));
    assert(a->addr_len > 0 && a->addr_len <= sizeof a->addr && a->mode <= 0777);
    assert(a->addr.ss_family == AF_INET || a->addr.ss_family == AF_INET6 ||
           a->addr.ss_family == AF_UNIX);
    assert(socket_url_sockets(a, WORKERS) > 0);
    assert(socket_url_descriptors(a, WORKERS) > 0);
    address_print((const struct sockaddr *)&a->addr, text);
    if (socket_url_twin(a, &twin))
        assert(a->localhost && twin.twin && twin.addr.ss_family == AF_INET6);
    check_again(a);
}

static bool read_url(struct slice url, struct listen_address *ret)
{
    struct buf error = { 0 };
    int rc = socket_url_parse(url, &defaults, ret, &error);
    assert((rc == 0) == (error.len == 0));
    for (size_t i = 0; i < error.len; i++)
        assert((unsigned char)error.ptr[i] >= ' ');
    if (rc == 0)
        check_address(ret);
    buf_release(&error);
    return rc == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact = malloc(size + (size == 0));
    memcpy(exact, data, size);
    struct slice second = slice_of(exact, size), first = second;
    struct listen_address a, b;
    if (!slice_cut(&second, '\n', &first))
        second.len = 0;
    const bool one = read_url(first, &a), other = read_url(second, &b);
    if (one && other) {
        (void)socket_url_includes(&a, &b);
        (void)socket_url_includes(&b, &a);
    }
    free(exact);
    return 0;
}
