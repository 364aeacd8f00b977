#include "sinks/redis/script.h"

#include "base/slice.h"
#include "sinks/redis/script_prune.h"

/*
 * One line of Lua per line of C.  Comments between them are for us and are not sent.
 *
 * The order is what makes a batch exactly-once:
 *   1 number    has this producer's batch been applied?
 *   2 read      HMGET of all fields; a probe for each right and key type that the writes need
 *   3 fold      in Lua alone: nothing is written when a value or a stored field is odd
 *   4 write     the number, then the sums
 * An error in 1 to 3 leaves everything as it was; an error in 4 counts too little, never twice.
 */
static const char *const first_lines[] = {
    "local call,match,fmt=redis.call,string.match,string.format",
    "local floor,min,max=math.floor,math.min,math.max",
    "local up,pk,find,sub=cmsgpack.unpack,cmsgpack.pack,string.find,string.sub",
    /* Before Redis 7 a script that asks for the time may write only when its effects are
     * replicated, not its text. */
    "if redis.replicate_commands then redis.replicate_commands() end",
};

static const char *const batch_lines[] = {
    "local P,iv,tot,log,tmp,who,list=unpack(KEYS,1,7)",
    "local seq,tok,life,ttl,T=tonumber(ARGV[1]),ARGV[2],ARGV[6],ARGV[7],tonumber(ARGV[8])",
    "local needs,spoiled",
    /* A command that may fail.  A key of the wrong type is `spoiled`; all else (rights, memory, a
     * replica) passes one day. */
    "local function try(...)",
    "  local r=redis.pcall(...)",
    "  if type(r)~='table' or not r.err then return r end",
    "  local c,k=...",
    "  local text=c..(k and ' '..k or '')..': '..r.err",
    "  if find(r.err,'WRONGTYPE',1,true) or find(r.err,'INVALIDOBJ',1,true) then spoiled=text",
    "  else needs=needs or text end",
    "end",
    "local function later() return redis.error_reply('NEEDS '..needs) end",
    /*
     * 1. The producer's key holds "last generation mark token:from token:from ..", the newest run
     * of numbers first.  A run is the batches of one interval, which has a token.  A number that is
     * taken under another token, or that follows one, is not ours: two servers share an id.
     * Sixteen runs are as many as the ledger's window can leave open.
     */
    "local clock,state=try('TIME'),try('GET',P)",
    "if needs then return later() end",
    "spoiled=nil",
    "local last,gen,mark,runs=match(state or '','^(%d+) (%d+) (%S+) (.*)$')",
    "last,gen=tonumber(last) or 0,tonumber(gen) or 0",
    /*
     * What became of a number up to the last one: this batch is there, it is taken by another, or
     * `?`: what took it is further back than the runs reach.
     */
    "local fate=''",
    "if seq<=last then",
    "  fate=' ?'",
    "  for t,from in string.gmatch(runs,'(%x+):(%d+)') do",
    "    if seq>=tonumber(from) then fate=t==tok and ' there' or ' taken' break end",
    "  end",
    "end",
    /*
     * A process that goes on from a saved state is of the next generation, and says so before all
     * else: from then on one of an earlier generation is refused.  That one is told what became of
     * its batch: it may have been applied before, and the answer lost.
     */
    "local mine=tonumber(ARGV[19])",
    "if gen>mine then return 'fenced'..fate end",
    "if mark and mine>gen then",
    "  state=fmt('%.0f %d ',last,mine)..mark..' '..runs",
    "  try('SET',P,state,'EX',life)",
    "  if needs then return later() end",
    "end",
    "local function ledger(l)",
    "  local birth,writes=match(l or '','^(%x+) (%d+)$')",
    "  return birth,tonumber(writes)",
    "end",
    "if seq<=last then return fate==' there' and 'duplicate' or 'foreign'..fate end",
    "if seq>last+1 or (not mark and ARGV[5]=='1') then",
    "  local l=try('HMGET',tot,'ledger')",
    "  if needs then return later() end",
    "  local birth,writes=ledger(l and l[1])",
    "  return fmt('gap %.0f %s %s %.0f',last,mark or 'none',birth or '-',writes or 0)",
    "end",
    "if last>0 and match(runs,'^%x+')~=ARGV[3] then return 'foreign' end",
    "if last==0 or match(runs,'^%x+')~=tok then",
    "  runs=tok..':'..fmt('%.0f',seq)..(last>0 and ' '..runs or '')",
    "  local _,n=string.gsub(runs,':','')",
    "  if n>16 then runs=match(runs,'^(.*) ') end",
    "end",
    /* 2. Which fields?  One may come twice in a batch: timers of two types share one. */
    "local f,at,ix,m,c,p={},{},{},0,0,22",
    "local function collect(arg,width,prefix)",
    "  for _=1,tonumber(ARGV[arg]) do",
    "    local name=prefix..ARGV[p+1]",
    "    local i=at[name]",
    "    if not i then m=m+1 i=m f[i]=name at[name]=i end",
    "    c=c+1",
    "    ix[c]=i",
    "    p=p+width",
    "  end",
    "end",
    "collect(12,2,'c|')",
    "collect(13,3,'g|')",
    "collect(14,3,'g|')",
    "collect(15,2,'h|')",
    "collect(16,2,'n|')",
    "local inst=ARGV[21]",
    "collect(17,4,'i|'..inst..'|')",
    /*
     * HSET is the first write: Redis looks for room only then, not at EXPIRE, and not any more once
     * a script has written.  250 series make at most 500 fields, 1,000 arguments to unpack; Lua's
     * stack takes about 7,000.
     */
    "local a,b,only={},{},ARGV[20]=='1'",
    "if m>0 and not only then",
    "  a=try('HMGET',iv,unpack(f))",
    "end",
    "f[m+1]='ledger'",
    "if inst~='' then f[m+2]='i|'..inst end",
    "b=try('HMGET',tot,unpack(f))",
    "if needs then return later() end",
    "local birth,writes=ledger(b and b[m+1])",
    "if not birth then birth,writes=tok,0 end",
    "try('HSET',tot,'ledger',birth..' '..fmt('%.0f',writes))",
    "if m>0 and not only then try('EXPIRE',iv,ttl) end",
    "local dead=spoiled",
    "local refused,dropped,bad=0,0,nil",
    "local nS,sets,scratch=(only or dead) and 0 or tonumber(ARGV[18]),{},false",
    /* The list of sets: those that have expired go.  Sets that nobody would find are not kept. */
    "if nS>0 then",
    "  spoiled=nil",
    "  try('ZREMRANGEBYSCORE',list,'-inf','('..clock[1])",
    "  try('ZADD',list,'XX',0,'')",
    "  if needs then return later() end",
    "  if spoiled then nS,dropped,bad=0,nS,spoiled end",
    "end",
    /* A set that is there is merged in the scratch key, which no one else ever sees, and written
     * whole in part 4. */
    "for i=1,nS do",
    "  local k,v=KEYS[7+i],ARGV[p+i]",
    "  spoiled=nil",
    "  if try('EXPIRE',k,ttl)==1 then",
    "    if not scratch then try('DEL',tmp) end",
    "    if needs then break end",
    "    scratch=true",
    "    try('SET',tmp,v)",
    "    try('PFMERGE',tmp,k)",
    "    v=try('GET',tmp)",
    "    if spoiled then v,dropped,bad=false,dropped+1,bad or spoiled end",
    "  end",
    "  sets[i]=v",
    "end",
    "if scratch then try('DEL',tmp) end",
    "if needs then return later() end",
    /* 3. */
    "local function finite(v) return v and v-v==0 end",
    /*
     * The shortest text of 15 or 17 digits that reads back as v.  (tostring would cut to 14,
     * HINCRBYFLOAT writes 1e300 with 301 digits.)  Only sums pass here: what came as text and met
     * nothing is stored as it came.
     */
    "local function num(v)",
    "  if v%1==0 and v<1e14 and v>-1e14 then return v..'' end", /* 14 digits are all */
    "  local s=fmt('%.15g',v)",
    "  if tonumber(s)~=v then s=fmt('%.17g',v) end",
    "  return s",
    "end",
    "local function refuse(i) refused,bad=refused+1,bad or f[i] end",
    /* No stamp is later than Redis' clock and 5 s, so a clock that was wrong for a moment is
     * forgotten as soon. */
    "local limit=clock[1]*1000+floor(clock[2]/1000)+5000",
    "local limit_s=floor(limit/1000)",
    "c,p=0,22",
    "local function fold(arg,width,step)",
    "  if dead then return end",
    "  for _=1,tonumber(ARGV[arg]) do",
    "    c=c+1",
    "    step(ix[c],p+1)",
    "    p=p+width",
    "  end",
    "end",
    /*
     * Counters add.  In the totals the last interval stands behind the sum, so that readers see
     * which series are idle; who puts a sum there by hand may leave it out.  A stored number that
     * is not finite, or none at all, counts as nothing: the next value replaces it.
     */
    "local lastT=min(T,limit_s)",
    "local lastS=' '..fmt('%.0f',lastT)",
    "fold(12,2,function(i,q)",
    "  local d=ARGV[q+1]",
    "  local s,t=match(b[i] or '','^(%S+) ?(%d*)')",
    "  local n,x=tonumber(d),tonumber(a[i])",
    "  s,t=tonumber(s),tonumber(t)",
    "  if x and x-x~=0 then x=nil end if s and s-s~=0 then s=nil end",
    "  local u,v=(x or 0)+n,(s or 0)+n",
    "  if u-u~=0 or v-v~=0 then return refuse(i) end",
    "  a[i]=x and num(u) or d",
    "  b[i]=(s and num(v) or d)..(t and t>lastT and ' '..fmt('%.0f',min(t,limit_s)) or lastS)",
    "end)",
    /*
     * Gauges are "value stamp writer".  Of absolute values the latest stamp wins, but a writer's
     * own is always older than what it writes now: its clock may have been set back.
     */
    "local writer=ARGV[11]",
    "local function gauge(o)",
    "  local v,t,w=match(o or '','^(%S+) (%d+) ?(%S*)$')",
    "  v=tonumber(v)",
    "  if v and v-v==0 then return v,tonumber(t),w end",
    "end",
    "local function older(o,ts)",
    "  local v,t,w=match(o or '','^(%S+) (%d+) ?(%S*)$')",
    "  if not v or w==writer or ts>=tonumber(t) or tonumber(t)>limit then return true end",
    "  return not finite(tonumber(v))",
    "end",
    "fold(13,3,function(i,q)",
    "  local v,stamp=tonumber(ARGV[q+1]),ARGV[q+2]",
    "  if not v or v-v~=0 then return refuse(i) end",
    "  local ts=tonumber(stamp)",
    "  if ts>limit then ts,stamp=limit,fmt('%.0f',limit) end",
    "  local new=ARGV[q+1]..' '..stamp..' '..writer",
    "  if older(a[i],ts) then a[i]=new end",
    "  if older(b[i],ts) then b[i]=new end",
    "end)",
    /*
     * Relative ones add to what is known, so they commute; the interval starts from the total.  The
     * writer stays: it is whose absolute value this is.
     */
    "fold(14,3,function(i,q)",
    "  local d,ts=ARGV[q+1],min(tonumber(ARGV[q+2]),limit)",
    "  local va,ta,wa=gauge(a[i])",
    "  local vb,tb,wb=gauge(b[i])",
    "  local base=va or vb",
    "  local u,v=(base or 0)+d,(vb or 0)+d",
    "  if not finite(u) or not finite(v) then return refuse(i) end",
    "  a[i]=(base and num(u) or d)..' '..fmt('%.0f',max(ts,min(ta or 0,limit)))",
    "    ..' '..(wa or wb or writer)",
    "  b[i]=(vb and num(v) or d)..' '..fmt('%.0f',max(ts,min(tb or 0,limit)))..' '..(wb or writer)",
    "end)",
    /*
     * Base-2 exponential buckets.  h[s] is the schema, h[l] the index of the first bucket, h[l+1]..
     * the counts.  Bucket i of schema n covers (2^((i-1)/2^n), 2^(i/2^n)], so i becomes
     * floor((i+1)/2) one schema down.
     */
    "local function coarser(h,s,l)",
    "  local r,lo={},h[l]",
    "  for j=1,l do r[j]=h[j] end",
    "  r[s],r[l]=h[s]-1,floor((lo+1)/2)",
    "  for j=l+1,#h do",
    "    local x=l+1+floor((lo+j-l)/2)-r[l]",
    "    r[x]=(r[x] or 0)+h[j]",
    "  end",
    "  return r",
    "end",
    "local function merge(a,b,s,l)",
    "  if #b==l then return a end",
    "  if #a==l then return b end",
    "  while a[s]>b[s] do a=coarser(a,s,l) end",
    "  while b[s]>a[s] do b=coarser(b,s,l) end",
    "  if b[l]<a[l] then a,b=b,a end",
    /* As wide as a window of our own may be (sketch_buckets_most), which begins and ends at a
     * multiple of 16.  That is never less than 20*2^5. */
    "  local off=b[l]-a[l]",
    "  if #a>600 or off+#b>600 then",
    "    while floor((max(a[l]+#a,b[l]+#b)-l-1)/16)*16+16-floor(a[l]/16)*16",
    "        >20*2^max(a[s],5)+16 and a[s]>-4 do",
    "      a,b=coarser(a,s,l),coarser(b,s,l)",
    "    end",
    "    off=b[l]-a[l]",
    "  end",
    "  for j=#a+1,l+off do a[j]=0 end",
    "  for j=l+1,#b do a[j+off]=(a[j+off] or 0)+b[j] end",
    "  return a",
    "end",
    /*
     * The sketch that is stored, if it is one of finite numbers, no wider than schema 8 makes it:
     * its resolution decides how often a loop runs.  It fails where what is stored is none.  v*0+v
     * is v only of a finite number: text that looks like one is not equal to it.
     */
    "local function sketch(o,s,l)",
    "  local x,t=up(o)",
    "  local n=#x",
    "  if n<l or n>l+20*2^8+16 then return end",
    "  for j=1,n do",
    "    local v=x[j]",
    "    if v*0+v~=v then return end",
    "  end",
    "  if x[s]>=-4 and x[s]<=12 and x[s]%1==0 and x[l]%1==0 and math.abs(x[l])<2^40 then",
    "    return x,t",
    "  end",
    "end",
    /*
     * Timers: msgpack [n, sum, min, max, schema, zero, lo, c0, c1 ..]; merged only where something
     * sound was there.  nil when a sum would not be finite.  In the totals the last interval stands
     * behind the array, and is the second that comes of this; behind that a 1, where the values are
     * milliseconds, which an m in front of what comes in says.  The third is y, what v holds,
     * unless the sum was made of it: it is needed twice.
     */
    "local lastP=pk(lastT)",
    "local function timer(o,v,y)",
    "  if not o then return v,nil,y end",
    "  local ok,x,t=pcall(sketch,o,5,7)",
    "  if not ok or not x then return v,nil,y end",
    "  y=y or up(v)",
    "  local n,sum,zero=x[1]+y[1],x[2]+y[2],x[6]+y[6]",
    "  if n-n~=0 or sum-sum~=0 or zero-zero~=0 then return end",
    "  local lo,hi=min(x[3],y[3]),max(x[4],y[4])",
    "  local done,h=pcall(merge,x,y,5,7)",
    "  if not done then return v end",
    "  h[1],h[2],h[3],h[4],h[6]=n,sum,lo,hi,zero",
    "  return pk(h),type(t)=='number' and min(t,limit_s),h~=y and y or nil",
    "end",
    "local gone={}",
    "fold(15,2,function(i,q)",
    "  local v,unit=ARGV[q+1],''",
    "  if sub(v,1,1)=='m' then v,unit=sub(v,2),'\\1' end",
    "  local x,_,y=timer(a[i],v)",
    "  local z,t=timer(b[i],v,y)",
    "  if not x or not z then gone[ARGV[q]]=true return refuse(i) end",
    "  a[i],b[i]=x,z..(t and t>lastT and pk(t) or lastP)..unit",
    "end)",
    /* Their negative values, mirrored: msgpack [n, schema, lo, c0, c1 ..]; refused with the timer
     * that they are part of. */
    "local function mirror(o,v)",
    "  local ok,x=pcall(sketch,o,2,3)",
    "  if not ok or not x then return v end",
    "  local y=up(v)",
    "  local n=x[1]+y[1]",
    "  local done,h=pcall(merge,x,y,2,3)",
    "  if not done then return v end",
    "  h[1]=n",
    "  return pk(h)",
    "end",
    "fold(16,2,function(i,q)",
    "  if gone[ARGV[q]] then return end",
    "  a[i],b[i]=mirror(a[i],ARGV[q+1]),mirror(b[i],ARGV[q+1])",
    "end)",
    /*
     * What the instance itself has in a gauge: "value stamp rule", in the totals alone.  A rule
     * with a + in front is that of a relative change.
     */
    "fold(17,4,function(i,q)",
    "  local v,ts,rule=ARGV[q+1],min(tonumber(ARGV[q+2]),limit),ARGV[q+3]",
    "  if sub(rule,1,1)=='+' then",
    "    local o,t=gauge(b[i])",
    "    local u=(o or 0)+v",
    "    if not finite(u) then return refuse(i) end",
    "    v,ts,rule=o and num(u) or v,max(ts,min(t or 0,limit)),sub(rule,2)",
    "  end",
    "  b[i]=v..' '..fmt('%.0f',ts)..' '..rule",
    "end)",
    /*
     * 4. The number first.  A stream of the wrong type costs the log entry alone.  Other trouble
     * with the log comes before any sum, so the number is taken back.
     */
    "try('SET',P,fmt('%.0f %d ',seq,mine)..ARGV[4]..' '..runs,'EX',life)",
    "if needs then return later() end",
    "local holder,logged='-','1'",
    "if ARGV[10]~='-1' then",
    "  holder=try('GET',who) or '-'",
    "  try('SET',who,tok,'EX',life)",
    "  spoiled=nil",
    "  try('XADD',log,'MAXLEN','~',1000,'*','t',ARGV[8],'i',ARGV[9],'n',ARGV[10])",
    "  if spoiled then logged,bad='0',spoiled end",
    "  if needs then",
    "    call('SET',P,mark and state or fmt('0 %d none -',mine),'EX',life)",
    "    return later()",
    "  end",
    "end",
    "if dead then return fmt('dropped %.0f %s',seq,dead) end",
    "local w,n={},0",
    "for i=1,m do",
    "  if a[i] then w[n+1],w[n+2],n=f[i],a[i],n+2 end",
    "end",
    "if n>0 and not only then",
    "  call('HSET',iv,unpack(w))",
    "  call('EXPIRE',iv,ttl)",
    "end",
    "w,n={'ledger',birth..' '..fmt('%.0f',writes+1)},2",
    /* It is alive: what it has said once, it says from then on. */
    "if inst~='' and (b[m+2] or ARGV[17]~='0') then",
    "  w[3],w[4],n='i|'..inst,fmt('%.0f ',limit-5000)..ARGV[22],4",
    "end",
    "for i=1,m do",
    "  if b[i] then w[n+1],w[n+2],n=f[i],b[i],n+2 end",
    "end",
    "call('HSET',tot,unpack(w))",
    "w,n={},0",
    "local ends=fmt('%.0f',clock[1]+ttl)",
    "for i=1,nS do",
    "  local k,v=KEYS[7+i],sets[i]",
    "  if v then",
    "    call('SET',k,v,'EX',ttl)",
    "    w[n+1],w[n+2],n=ends,sub(k,#list-1),n+2", /* {prefix:NN}:sets, {prefix:NN}:s:T:series */
    "  end",
    "end",
    "if n>0 then",
    "  call('ZADD',list,unpack(w))",
    "  call('EXPIRE',list,ttl)",
    "end",
    "return fmt('applied %.0f %s %.0f %d %d %s %s %s',",
    "  seq,birth,writes+1,refused,dropped,holder,logged,bad or '-')",
};

static void append(const char *const *lines, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        buf_append_str(out, lines[i]);
        buf_append_char(out, '\n');
    }
}

void redis_script_append(struct buf *out)
{
    append(first_lines, ARRAY_LEN(first_lines), out);
    redis_script_prune_append(out);
    append(batch_lines, ARRAY_LEN(batch_lines), out);
}
