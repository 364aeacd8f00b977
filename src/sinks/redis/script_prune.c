#include "sinks/redis/script_prune.h"

#include "base/slice.h"

/*
 * One line of Lua per line of C, as in script.c, within whose text they stand: behind its first
 * lines, which have the names used here.
 *
 * Two walks at a time, or one that begins anew, find the same.  HSCAN gives each field that is
 * there from the beginning to the end of a walk; what comes or goes meanwhile is of the next one.
 */
static const char *const lines[] = {
    "if ARGV[1]=='prune' then",
    "  local tot,lease,cursor=KEYS[1],KEYS[2],ARGV[2]",
    /* Not every Redis says which right is missing. */
    "  local function call(...)",
    "    local r=redis.pcall(...)",
    "    if type(r)=='table' and r.err then error((...)..': '..r.err,0) end",
    "    return r",
    "  end",
    "  local clock=call('TIME')",
    "  local now=tonumber(clock[1])",
    "  local r=call('HSCAN',tot,cursor,'COUNT',200)",
    "  local all=r[2]",
    /* A shard without totals has no other key. */
    "  if #all>0 and cursor=='0' and not call('SET',lease,'1','NX','PX',ARGV[4]) then",
    "    return 'busy'",
    "  end",
    "  local old,n=now-ARGV[3],0",
    /*
     * The last interval of a timer is its last five bytes, a msgpack integer of 32 bits, but for a
     * 1 where the values are milliseconds.  Counts of buckets may look so, too: so what seems old,
     * or later than now, or is none, is unpacked.
     */
    "  local function last_of(v)",
    "    local ms=sub(v,-1)=='\\1' and 1 or 0",
    "    local a,b,c,d,e=string.byte(v,-5-ms,-1-ms)",
    "    local t=a==206 and ((b*256+c)*256+d)*256+e",
    "    if t and t>=old and t<now+60 then return t end",
    "    local ok,x,y=pcall(up,v)",
    "    if not ok or type(x)~='table' then return end",
    "    if y==nil then return v..pk(now) end",
    "    return type(y)=='number' and y",
    "  end",
    /* When was it last sent, in seconds?  A text instead: what to write, as nothing says so.  nil:
     * it is nothing of ours. */
    "  local function sent(kind,name,v)",
    "    if kind=='h|' then return last_of(v) end",
    "    if kind=='c|' then",
    "      local s,t=match(v,'^(%S+) ?(%d*)$')",
    "      if not tonumber(s) then return end",
    "      return tonumber(t) or v..' '..fmt('%.0f',now)",
    "    end",
    "    local alone=kind=='i|' and not find(name,'|',3,true)",
    "    if kind~='g|' and kind~='i|' then return end",
    "    local t=tonumber(match(v,alone and '^(%d+)' or '^%S+ (%d+)'))",
    "    return t and t/1000",
    "  end",
    "  for j=1,#all,2 do",
    "    local name,v=all[j],all[j+1]",
    "    local kind=sub(name,1,2)",
    "    local t=sent(kind,name,v)",
    "    if type(t)=='string' then",
    "      call('HSET',tot,name,t)",
    "    elseif t and t<old then",
    "      call('HDEL',tot,name)",
    "      if kind=='h|' then call('HDEL',tot,'n|'..sub(name,3)) end",
    "      if kind~='i|' then n=n+1 end",
    "    end",
    "  end",
    "  return fmt('pruned %s %d',r[1],n)",
    "end",
};

void redis_script_prune_append(struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        buf_append_str(out, lines[i]);
        buf_append_char(out, '\n');
    }
}
