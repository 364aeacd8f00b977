#include "sinks/redis_reply.h"

#include <string.h>

#include "base/slice.h"

/*
 * Errors that pass by themselves or by the operator's hand, and that leave nothing applied: the script's first write sets the
 * sequence number and is the one that meets them.  Redis 7 begins the answer with the word; up to 6 a script's error reads
 * "ERR Error running script (call to f_..): @user_script:6: -OOM command not allowed ..".
 */
static const char *const passing[] = {
    "LOADING", "READONLY", "MASTERDOWN", "BUSY", "OOM", "MISCONF", "NOREPLICAS", "CLUSTERDOWN", "TRYAGAIN", "MOVED", "ASK",
    "NOSCRIPT", "NOAUTH", "NOPERM", "WRONGPASS", "UNBLOCKED",
};

static bool passes(const char *text)
{
    for (size_t i = 0; i < ARRAY_LEN(passing); i++) {
        size_t n = strlen(passing[i]);
        if (strncmp(text, passing[i], n) == 0 && (text[n] == ' ' || text[n] == '\0'))
            return true;
    }
    return strncmp(text, "ERR Error running script", 24) == 0 &&
           (strstr(text, " -OOM ") != NULL || strstr(text, " -READONLY ") != NULL || strstr(text, " -MISCONF ") != NULL ||
            strstr(text, " -NOREPLICAS ") != NULL);
}

struct redis_verdict redis_reply_judge(const redisReply *reply, uint64_t seq)
{
    if (reply == NULL)
        return (struct redis_verdict){ .kind = REDIS_VERDICT_LOST };
    if (reply->type == REDIS_REPLY_ERROR)
        return (struct redis_verdict){ .kind = passes(reply->str) ? REDIS_VERDICT_LATER : REDIS_VERDICT_FAILED,
                                       .text = reply->str };
    if (reply->type == REDIS_REPLY_INTEGER) {
        long long n = reply->integer;
        if (n == 0)
            return (struct redis_verdict){ .kind = REDIS_VERDICT_DUPLICATE };
        if (n > 0 && (uint64_t)n == seq)
            return (struct redis_verdict){ .kind = REDIS_VERDICT_APPLIED };
        if (n < 0 && (uint64_t)-(n + 1) + 1 < seq)
            return (struct redis_verdict){ .kind = REDIS_VERDICT_GAP, .last = (uint64_t)-(n + 1) };
    }
    return (struct redis_verdict){ .kind = REDIS_VERDICT_LATER, .text = "an answer that our script does not give" };
}
