#include "support/http_client.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/address.h"

int client_dial_from(const char *address, const char *from)
{
    struct sockaddr_storage addr, own;
    socklen_t len, own_len;
    struct timeval patience = { .tv_sec = CLIENT_PATIENCE_S };
    assert_int_equal(address_parse(slice_str(address), 0, &addr, &len), 0);
    int fd = socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (from != NULL) {
        assert_int_equal(address_parse(slice_str(from), 0, &own, &own_len), 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&own, own_len), 0);
    }
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, len), 0);
    return fd;
}

int client_dial(const char *address)
{
    return client_dial_from(address, NULL);
}

void client_say(int fd, const char *text)
{
    size_t n = strlen(text);
    assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), n);
}

int client_ask(const char *address, const char *method, const char *path)
{
    char request[512];
    int fd = client_dial(address);
    snprintf(request, sizeof request,
             "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", method, path);
    client_say(fd, request);
    return fd;
}

bool client_read_all(int fd, struct buf *out)
{
    buf_clear(out);
    for (;;) {
        ssize_t n = recv(fd, buf_reserve(out, 65536), 65535, 0);
        if (n <= 0) {
            out->ptr[out->len] = '\0';
            close(fd);
            return n == 0 || errno == ECONNRESET;
        }
        out->len += (size_t)n;
    }
}

void client_hear(int fd, struct buf *reply)
{
    assert_true(client_read_all(fd, reply));
}

unsigned client_status(const struct buf *reply)
{
    unsigned status = 0;
    sscanf(reply->ptr, "HTTP/1.%*1[01] %3u", &status);
    return status;
}

bool client_has(const struct buf *reply, const char *text)
{
    return strstr(reply->ptr, text) != NULL;
}

const char *client_body(const struct buf *reply)
{
    const char *end = strstr(reply->ptr, "\r\n\r\n");
    return end ? end + 4 : "(no head)";
}

void client_expect(int fd, unsigned status, const char *body)
{
    struct buf reply = { 0 };
    client_hear(fd, &reply);
    if (client_status(&reply) != status || (body != NULL && strcmp(client_body(&reply), body) != 0))
        fail_msg("not %u %s: %s", status, body ? body : "", reply.ptr);
    buf_release(&reply);
}

bool client_unchunk(const struct buf *reply, struct buf *out)
{
    const char *at = client_body(reply), *end = reply->ptr + reply->len;
    assert_true(client_has(reply, "\r\nTransfer-Encoding: chunked\r\n"));
    buf_clear(out);
    for (;;) {
        char *behind;
        unsigned long n = strtoul(at, &behind, 16);
        if (behind == at || end - behind < 2 || (size_t)(end - behind - 2) < n)
            return false;
        assert_memory_equal(behind, "\r\n", 2);
        buf_append(out, behind + 2, n);
        at = behind + 2 + n;
        if (end - at < 2)
            return false;
        assert_memory_equal(at, "\r\n", 2);
        at += 2;
        if (n == 0)
            return at == end;
    }
}
