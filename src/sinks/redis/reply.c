/*
 * redis_reply_judge_entry
 *   an error reply            -> LATER as below, or when the operator took the command away
 *
 * redis_reply_judge
 *   an error reply            -> LATER when it passes by itself or by the operator, else FAILED
 *   text of the script        -> read_answer -> read_applied, read_refused ..
 *   anything else             -> LATER: this is no Redis of ours
 *
 * redis_reply_remedy: errors and what to do about them.
 */
#include "sinks/redis/reply.h"

#include <assert.h>
#include <string.h>

#include "base/number.h"

/*
 * Errors that pass by themselves or by the operator's hand, and that leave nothing applied.  Inside
 * the script they come as NEEDS; these are about the script as a whole.
 */
/* clang-format off */
static const char *const passing[] = {
    "NEEDS", "LOADING", "READONLY", "MASTERDOWN", "BUSY", "OOM", "MISCONF", "NOREPLICAS",
    "CLUSTERDOWN", "TRYAGAIN", "MOVED", "ASK", "NOSCRIPT", "NOAUTH", "NOPERM", "WRONGPASS",
    "UNBLOCKED",
};
/* clang-format on */

static bool begins_with_one_of(const char *text, const char *const *words, size_t n_words)
{
    for (size_t i = 0; i < n_words; i++) {
        size_t n = strlen(words[i]);
        if (strncmp(text, words[i], n) == 0 && (text[n] == ' ' || text[n] == '\0'))
            return true;
    }
    return false;
}

static bool passes(const char *text)
{
    /* Renamed, or behind a proxy: nothing of the script has run. */
    if (strncmp(text, "ERR unknown command", 19) == 0)
        return true;
    if (begins_with_one_of(text, passing, ARRAY_LEN(passing)))
        return true;
    /* An operator's SCRIPT KILL; Redis refuses it once the script has written. */
    return strstr(text, "Script killed by user") != NULL;
}

/* ---- words of the script's answers ---- */

static struct slice word(struct slice *rest)
{
    struct slice head;
    if (slice_cut(rest, ' ', &head))
        return head;
    head = *rest;
    *rest = slice_of(rest->ptr + rest->len, 0);
    return head;
}

static bool word_u64(struct slice *rest, uint64_t *ret)
{
    int64_t v;
    if (!number_parse_int(word(rest), &v))
        return false;
    *ret = (uint64_t)v;
    return true;
}

static bool word_u32(struct slice *rest, uint32_t *ret)
{
    uint64_t v;
    if (!word_u64(rest, &v) || v > UINT32_MAX)
        return false;
    *ret = (uint32_t)v;
    return true;
}

/* A token, or `-` where there is none: a reply may hold any byte, even NUL. */
static bool is_birth(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (strchr("0123456789abcdef", s.ptr[i]) == NULL || s.ptr[i] == '\0')
            return slice_eq(s, SLICE_LIT("-"));
    return s.len > 0 && s.len <= REDIS_BIRTH_MAX;
}

static bool word_totals(struct slice *rest, struct redis_totals *ret)
{
    struct slice birth = word(rest);
    if (!is_birth(birth))
        return false;
    memcpy(ret->birth, birth.ptr, birth.len);
    ret->birth[birth.len] = '\0';
    return word_u64(rest, &ret->writes);
}

static bool read_applied(struct slice rest, uint64_t seq, struct redis_verdict *v)
{
    uint64_t n;
    v->kind = REDIS_VERDICT_APPLIED;
    if (!word_u64(&rest, &n) || n != seq || !word_totals(&rest, &v->totals) ||
        !word_u32(&rest, &v->refused) || !word_u32(&rest, &v->dropped))
        return false;
    v->holder = word(&rest);
    struct slice logged = word(&rest);
    v->unlogged = slice_eq(logged, SLICE_LIT("0"));
    v->field = rest;
    return v->holder.len > 0 && (v->unlogged || slice_eq(logged, SLICE_LIT("1")));
}

static bool read_dropped(struct slice rest, uint64_t seq, struct redis_verdict *v)
{
    uint64_t n;
    v->kind = REDIS_VERDICT_DROPPED;
    if (!word_u64(&rest, &n))
        return false;
    v->text = rest.ptr; /* to the end of the reply, which is a string with a NUL */
    return n == seq;
}

static bool read_gap(struct slice rest, uint64_t seq, struct redis_verdict *v)
{
    v->kind = REDIS_VERDICT_GAP;
    if (!word_u64(&rest, &v->last))
        return false;
    struct slice mark = word(&rest), series = mark;
    v->known = !slice_eq(mark, SLICE_LIT("none"));
    int64_t n, nth;
    if (v->known) {
        if (!slice_cut(&mark, ':', &series) || !number_parse_int(series, &n) ||
            !number_parse_int(mark, &nth) || nth > UINT32_MAX)
            return false;
        v->series = (uint64_t)n;
        v->nth = (uint32_t)nth;
    }
    return word_totals(&rest, &v->totals) && (v->known ? v->last + 1 < seq : v->last == 0);
}

static bool read_refused(struct slice fate, enum redis_verdict_kind kind, struct redis_verdict *v)
{
    v->kind = kind;
    if (slice_eq(fate, SLICE_LIT("there")))
        v->fate = REDIS_FATE_THERE;
    else if (slice_eq(fate, SLICE_LIT("taken")))
        v->fate = REDIS_FATE_TAKEN;
    else if (slice_eq(fate, SLICE_LIT("?")))
        v->fate = REDIS_FATE_UNKNOWN;
    else if (fate.len > 0)
        return false;
    return kind == REDIS_VERDICT_FENCED || v->fate != REDIS_FATE_THERE;
}

static bool read_answer(struct slice rest, uint64_t seq, struct redis_verdict *v)
{
    struct slice kind = word(&rest);
    if (slice_eq(kind, SLICE_LIT("applied")))
        return read_applied(rest, seq, v);
    if (slice_eq(kind, SLICE_LIT("dropped")))
        return read_dropped(rest, seq, v);
    if (slice_eq(kind, SLICE_LIT("gap")))
        return read_gap(rest, seq, v);
    if (slice_eq(kind, SLICE_LIT("fenced")))
        return read_refused(rest, REDIS_VERDICT_FENCED, v);
    if (slice_eq(kind, SLICE_LIT("foreign")))
        return read_refused(rest, REDIS_VERDICT_FOREIGN, v);
    v->kind = REDIS_VERDICT_DUPLICATE;
    return rest.len == 0 && slice_eq(kind, SLICE_LIT("duplicate"));
}

static struct redis_verdict error_verdict(const char *text)
{
    enum redis_verdict_kind kind = passes(text) ? REDIS_VERDICT_LATER : REDIS_VERDICT_FAILED;
    return (struct redis_verdict){ .kind = kind, .text = text };
}

struct redis_verdict redis_reply_judge(const redisReply *reply, uint64_t seq)
{
    assert(seq > 0);
    if (reply == NULL)
        return (struct redis_verdict){ .kind = REDIS_VERDICT_LOST };
    if (reply->type == REDIS_REPLY_ERROR)
        return error_verdict(reply->str);
    struct redis_verdict v = { 0 };
    if (reply->type == REDIS_REPLY_STRING && read_answer(slice_of(reply->str, reply->len), seq, &v))
        return v;
    return (struct redis_verdict){ .kind = REDIS_VERDICT_LATER,
                                   .text = "an answer that our script does not give" };
}

struct redis_verdict redis_reply_judge_entry(const redisReply *reply)
{
    if (reply == NULL)
        return (struct redis_verdict){ .kind = REDIS_VERDICT_LOST };
    if (reply->type == REDIS_REPLY_ERROR)
        return error_verdict(reply->str);
    if (reply->type == REDIS_REPLY_STRING)
        return (struct redis_verdict){ .kind = REDIS_VERDICT_APPLIED };
    return (struct redis_verdict){ .kind = REDIS_VERDICT_LATER,
                                   .text = "an answer that XADD does not give" };
}

bool redis_reply_is_of_server(const char *error)
{
    static const char *const words[] = { "READONLY", "MASTERDOWN", "LOADING" };
    return begins_with_one_of(error, words, ARRAY_LEN(words));
}

/* ---- remedies ---- */

const char *redis_reply_remedy(const char *error)
{
    static const char renamed[] =
        "do not rename commands that docs/redis.md lists; name Redis itself in redis.url where a "
        "proxy is that does not know this one (twemproxy, Envoy, Dynomite)";
    static const struct {
        const char *in, *remedy;
    } rows[] = {
        { "CLUSTER SLOTS: ",
          "name nodes of one Redis Cluster in redis.url, or one host alone: several that are no "
          "cluster, or a proxy that knows no CLUSTER, cannot be used" },
        { "TLS: plain text",
          "use redis:// in redis.url, or the port of Redis that speaks TLS (tls-port)" },
        { "for another name", "name the host in redis.url as its certificate does, or give Redis "
                              "a certificate for that name" },
        { "signed by no known CA",
          "set redis.tls_ca_file to the CA that signed the certificate of Redis" },
        { "the peer's certificate has expired",
          "renew the certificate of Redis, or set the clock right" },
        { "is not valid yet", "set the clock right, or wait for the certificate of Redis" },
        { "wants a certificate from us", "set redis.tls_cert_file and redis.tls_key_file" },
        { "our certificate", "put a certificate into redis.tls_cert_file that a CA of Redis "
                             "(tls-ca-cert-file) has signed" },
        { "in the TLS handshake", "use the port of Redis that speaks TLS (tls-port), or redis://" },
        { "before the answer to",
          "see the log of Redis; use rediss:// where it wants TLS, and name Redis itself where a "
          "proxy is that does not know this command" },
        { "password_file", "put the password alone into that file, readable for the server" },
        { "WRONGPASS", "correct user and password in redis.url" },
        { "invalid password", "correct the password in redis.url" },
        { "called without any password",
          "take the password out of redis.url: this Redis has none" },
        { "NOAUTH",
          "put the password into redis.url: redis://:password@host, redis://user:password@host" },
        { "NOPERM", "give the user the rights that docs/redis.md lists (ACL SETUSER)" },
        { "ACL failure", "give the user the rights that docs/redis.md lists (ACL SETUSER)" },
        { "The user executing the script",
          "give the user the rights that docs/redis.md lists (ACL SETUSER)" },
        { "invalid DB index", "choose a database below `databases` of redis.conf in redis.url" },
        { "DB index is out of range",
          "choose a database below `databases` of redis.conf in redis.url" },
        { "SELECT is not allowed", "take the database out of redis.url: a cluster has only 0" },
        { "DENIED", "set a password in Redis, or reach it by a loopback address (protected-mode)" },
        { "max number of clients", "raise maxclients of Redis" },
        { "READONLY", "point redis.url to the master: this is a replica" },
        { "OOM", "raise maxmemory of Redis, or lower redis.retention" },
        { "MISCONF", "make room for Redis on its disk, or see its log" },
        { "NOREPLICAS", "start the replicas that min-replicas-to-write asks for" },
        { "CLUSTERDOWN", "none: what belongs there waits until the cluster has a node for it" },
        { "Unknown Redis command", renamed },
        { "unknown command", renamed },
        { "unknown subcommand", renamed },
        { "unsupported command", renamed },
        { "invalid request", renamed },
        { "LOADING", "none: it passes by itself" },
        { "NOSCRIPT", "none: it passes by itself" },
        { "Script killed by user", "none: it passes by itself" },
        { "BUSY",
          "none: it passes by itself, unless a script of someone else never ends (SCRIPT KILL)" },
        { "WRONGTYPE", "delete or rename that key: a key of ours holds something else" },
        { "INVALIDOBJ", "delete or rename that key: a key of ours holds something else" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strstr(error, rows[i].in) != NULL)
            return rows[i].remedy;
    return NULL;
}
