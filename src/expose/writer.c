#include "expose/writer.h"

const struct writer_ops *const writers[WRITER_COUNT] = {
#define X(id, ops) &(ops),
    WRITERS(X)
#undef X
};

uint64_t writers_exposed_bytes(const struct profile *p)
{
    uint64_t most = 0;
    for (unsigned i = 0; i < WRITER_COUNT; i++) {
        uint64_t bytes = writers[i]->exposed_bytes(p);
        most = bytes > most ? bytes : most;
    }
    return most;
}
