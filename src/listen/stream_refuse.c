#include "listen/stream_refuse.h"

#include <string.h>
#include <unistd.h>

bool stream_is_allowed(const struct listener *l, const struct sockaddr *peer)
{
    return l->address.allow.n == 0 || networks_have(&l->address.allow, peer);
}

enum stream_refusal stream_refusal_of(const struct listener *l, const struct peer_counts *peers,
                                      bool full, const struct sockaddr *peer)
{
    if (!stream_is_allowed(l, peer)) /* first: who may not come in is told of no limits */
        return STREAM_REFUSED_NOT_ALLOWED;
    if (l->streams.open >= l->address.max_connections || full)
        return STREAM_REFUSED_LIMIT;
    if (peers != NULL && peer_counts_of(peers, peer) >= l->address.max_per_address)
        return STREAM_REFUSED_PER_ADDRESS;
    return STREAM_REFUSAL_COUNT;
}

void stream_refuse(struct listener *l, int fd, enum stream_refusal why,
                   const union connection_peer *peer)
{
    l->streams.refused[why]++;
    if (why == STREAM_REFUSED_NOT_ALLOWED)
        memcpy(&l->streams.stranger, peer, sizeof l->streams.stranger);
    close(fd);
}
