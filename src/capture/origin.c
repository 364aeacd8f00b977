#include "capture/origin.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum { UNIX_HOST = 2, STREAM_HOST = 3, DISCARD_PORT = 9, LOW_BITS = 0xffff };

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff }; /* ::ffff:0:0/96 */

static bool is_mapped(const uint8_t ip[16])
{
    return memcmp(ip, mapped, sizeof mapped) == 0;
}

static struct packet_end local(uint8_t host, uint16_t port)
{
    return (struct packet_end){ .ip = { 127, 0, 0, host }, .port = port };
}

static uint16_t port_of(const struct tap_sender *from)
{
    const uint16_t low = (uint16_t)(from->port & LOW_BITS);
    return low != 0 ? low : 1;
}

/* The socket's own address; one of the other version, as [::] has it for IPv4, is a wildcard. */
static struct packet_end socket_end(const struct sockaddr_storage *at, int version)
{
    struct packet_end end = { .port = 0 };
    if (at->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)at;
        end.port = ntohs(v4->sin_port);
        memcpy(end.ip, &v4->sin_addr, sizeof v4->sin_addr);
    } else if (at->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)at;
        end.port = ntohs(v6->sin6_port);
        if (version == 6)
            memcpy(end.ip, &v6->sin6_addr, sizeof v6->sin6_addr);
    }
    return end;
}

static void set_udp(const struct capture_socket *s, const struct tap_sender *from,
                    struct packet *ret)
{
    const bool within = from->family == AF_INET6 && is_mapped(from->address);
    const bool v6 =
        from->family == AF_INET6 || (from->family == AF_UNSPEC && s->address.ss_family == AF_INET6);
    ret->version = v6 && !within ? 6 : 4;
    ret->from = (struct packet_end){ .port = (uint16_t)from->port };
    memcpy(ret->from.ip, from->address + (within ? sizeof mapped : 0), ret->version == 6 ? 16 : 4);
    ret->to = socket_end(&s->address, ret->version);
}

void origin_set(const struct capture_socket *s, unsigned number, const struct tap_record *rec,
                struct packet *ret)
{
    const bool stream = (rec->flags & TAP_STREAM) != 0;
    if (!stream && s->address.ss_family != AF_UNIX) {
        set_udp(s, &rec->sender, ret);
        return;
    }
    const uint8_t host = stream ? STREAM_HOST : UNIX_HOST;
    ret->version = 4;
    ret->from = local(host, port_of(&rec->sender));
    ret->to = local(host, (uint16_t)(number + 1));
}

void origin_describe(const struct capture_socket *s, unsigned number, uint64_t time_ns,
                     char text[ORIGIN_TEXT_MAX], struct packet *ret)
{
    int n = snprintf(text, ORIGIN_TEXT_MAX, "statsd-capture 1 socket=%u url=%s", number, s->url);
    const size_t len = n < ORIGIN_TEXT_MAX ? (size_t)n : ORIGIN_TEXT_MAX - 1;
    *ret = (struct packet){ .time_ns = time_ns,
                            .version = 4,
                            .from = local(1, DISCARD_PORT),
                            .to = local(1, DISCARD_PORT),
                            .payload = { text, len },
                            .len = len };
}
