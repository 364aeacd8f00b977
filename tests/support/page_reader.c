#include "support/page_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/http_client.h"

int page_ask(const char *address, const char *from, const char *encoding)
{
    char request[256];
    int fd = client_dial_from(address, from);
    /* Small, so that what is not read stays with the server. */
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){ 65536 }, sizeof(int));
    snprintf(request, sizeof request,
             "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s%s\r\n\r\n",
             encoding != NULL ? "Accept-Encoding: " : "X-None: ", encoding != NULL ? encoding : "");
    client_say(fd, request);
    return fd;
}

static void *read_page(void *reader)
{
    struct page_reader *r = reader;
    const size_t step = r->per_ms > 0 ? 4 * r->per_ms : 65536;
    ssize_t n = 1;
    while (n > 0) {
        if (r->per_ms > 0)
            usleep(4000);
        n = recv(r->fd, buf_reserve(&r->reply, step), step, 0);
        r->reply.len += n > 0 ? (size_t)n : 0;
    }
    close(r->fd);
    return NULL;
}

void page_reader_start(struct page_reader *r, int fd, size_t per_ms)
{
    *r = (struct page_reader){ .fd = fd, .per_ms = per_ms };
    assert_int_equal(pthread_create(&r->thread, NULL, read_page, r), 0);
}

size_t page_reader_join(struct page_reader *r)
{
    struct buf body = { 0 };
    size_t bytes = 0;
    pthread_join(r->thread, NULL);
    buf_append_char(&r->reply, '\0');
    r->reply.len--;
    const char *length = strstr(r->reply.ptr, "Content-Length: ");
    if (client_status(&r->reply) != 200)
        bytes = 0;
    else if (length != NULL)
        bytes = strtoul(length + strlen("Content-Length: "), NULL, 10);
    else if (client_unchunk(&r->reply, &body))
        bytes = body.len;
    if (length != NULL && r->reply.len < bytes)
        bytes = 0;
    buf_release(&body);
    buf_release(&r->reply);
    return bytes;
}

void page_fill(struct pipeline *p, unsigned series)
{
    char line[512], pad[200];
    memset(pad, 'x', sizeof pad - 1);
    pad[sizeof pad - 1] = '\0';
    for (unsigned i = 0; i < series; i++) {
        snprintf(line, sizeof line, "large:1|c|#n:%u,pad:%s,more:%s", i, pad, pad);
        pipeline_feed(p, 0, line);
        if (i % 1000 == 999)
            pipeline_turn(p);
    }
    pipeline_turn(p);
}
