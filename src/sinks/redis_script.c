#include "sinks/redis_script.h"

#include "base/slice.h"

/*
 * One line of Lua per line of C.  Comments between them are for us and are not sent.
 */
static const char *const lines[] = {
    /*
     * Has this batch been applied?  The sequence number is set before anything else: an error further down counts too little,
     * never twice.  A week is longer than any process is cut off from Redis and still resends.
     */
    "local call,match,fmt,floor,max=redis.call,string.match,string.format,math.floor,math.max",
    "local up,pk=cmsgpack.unpack,cmsgpack.pack",
    "local seq,last=tonumber(ARGV[1]),tonumber(call('GET',KEYS[1]) or '0')",
    "if seq<=last then return 0 end",
    "if seq>last+1 then return -(last+1) end",
    "call('SET',KEYS[1],seq,'EX',604800)",
    "local iv,tot,ttl,T=KEYS[2],KEYS[3],ARGV[2],ARGV[3]",
    "local p=11",
    /*
     * The shortest text of 15 or 17 digits that reads back as v.  (tostring would cut to 14, HINCRBYFLOAT writes 1e300 with
     * 301 digits.)  Only sums pass here: what came as text and met nothing is stored as it came.
     */
    "local function num(v)",
    "  local s=fmt('%.15g',v)",
    "  if tonumber(s)~=v then s=fmt('%.17g',v) end",
    "  return s",
    "end",
    /* "value stamp", or nil */
    "local function split(o)",
    "  if o then return match(o,'^(%S+) (%d+)$') end",
    "end",
    /*
     * Fold n operations of width arguments into both hashes: one HMGET and one HSET each.  A field may come twice in a batch
     * (timers of two types share one), so values live in arrays a (interval) and b (totals) until all are folded.
     * 250 series make at most 500 arguments to unpack; Lua's stack takes about 7,000.
     */
    "local function apply(n,width,prefix,fold)",
    "  if n==0 then return end",
    "  local f,at,ix={},{},{}",
    "  for k=1,n do",
    "    local name=prefix..ARGV[p+(k-1)*width+1]",
    "    local i=at[name]",
    "    if not i then i=#f+1 f[i]=name at[name]=i end",
    "    ix[k]=i",
    "  end",
    "  local a,b=call('HMGET',iv,unpack(f)),call('HMGET',tot,unpack(f))",
    "  for k=1,n do fold(a,b,ix[k],p+(k-1)*width+1) end",
    "  local w={}",
    "  for i=1,#f do w[2*i-1]=f[i] w[2*i]=a[i] end",
    "  call('HSET',iv,unpack(w))",
    "  for i=1,#f do w[2*i]=b[i] end",
    "  call('HSET',tot,unpack(w))",
    "  p=p+n*width",
    "end",
    /* Counters add.  In the totals the last interval stands behind the sum, so that idle series can be told. */
    "apply(tonumber(ARGV[6]),2,'c|',function(a,b,i,q)",
    "  local d=ARGV[q+1]",
    "  a[i]=a[i] and num(a[i]+d) or d",
    "  local s,t=split(b[i])",
    "  b[i]=(s and num(s+d) or d)..' '..(t and num(max(t,T)) or T)",
    "end)",
    /* Absolute gauges: the latest stamp wins. */
    "apply(tonumber(ARGV[7]),3,'g|',function(a,b,i,q)",
    "  local new,ts=ARGV[q+1]..' '..ARGV[q+2],tonumber(ARGV[q+2])",
    "  local _,ta=split(a[i])",
    "  local _,tb=split(b[i])",
    "  if not ta or ts>=tonumber(ta) then a[i]=new end",
    "  if not tb or ts>=tonumber(tb) then b[i]=new end",
    "end)",
    /* Relative gauges add to what is known, so they commute; the interval starts from the total. */
    "apply(tonumber(ARGV[8]),3,'g|',function(a,b,i,q)",
    "  local d,ts=ARGV[q+1],tonumber(ARGV[q+2])",
    "  local va,ta=split(a[i])",
    "  local vb,tb=split(b[i])",
    "  local base=va or vb",
    "  a[i]=(base and num(base+d) or d)..' '..fmt('%.0f',max(ts,ta or 0))",
    "  b[i]=(vb and num(vb+d) or d)..' '..fmt('%.0f',max(ts,tb or 0))",
    "end)",
    /*
     * Base-2 exponential buckets.  h[s] is the schema, h[l] the index of the first bucket, h[l+1].. the counts.  Bucket i of
     * schema n covers (2^((i-1)/2^n), 2^(i/2^n)], so i becomes floor((i+1)/2) one schema down.
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
    /* As wide as a window of our own may be (sketch_buckets_most), which begins and ends at a multiple of 16. */
    "  while floor((max(a[l]+#a,b[l]+#b)-l-1)/16)*16+16-floor(a[l]/16)*16>20*2^max(a[s],5)+16 and a[s]>-4 do",
    "    a,b=coarser(a,s,l),coarser(b,s,l)",
    "  end",
    "  local off=b[l]-a[l]",
    "  for j=#a+1,l+off do a[j]=0 end",
    "  for j=l+1,#b do a[j+off]=(a[j+off] or 0)+b[j] end",
    "  return a",
    "end",
    /* Timers: msgpack [n, sum, min, max, schema, zero, lo, c0, c1 ..]; merged only where something was there. */
    "local function timer(o,v)",
    "  if not o then return v end",
    "  local x,y=up(o),up(v)",
    "  local n,sum,zero=x[1]+y[1],x[2]+y[2],x[6]+y[6]",
    "  local lo,hi=math.min(x[3],y[3]),max(x[4],y[4])",
    "  local m=merge(x,y,5,7)",
    "  m[1],m[2],m[3],m[4],m[6]=n,sum,lo,hi,zero",
    "  return pk(m)",
    "end",
    "apply(tonumber(ARGV[9]),2,'h|',function(a,b,i,q)",
    "  a[i],b[i]=timer(a[i],ARGV[q+1]),timer(b[i],ARGV[q+1])",
    "end)",
    /* Their negative values, mirrored: msgpack [n, schema, lo, c0, c1 ..]. */
    "local function mirror(o,v)",
    "  if not o then return v end",
    "  local x,y=up(o),up(v)",
    "  local n=x[1]+y[1]",
    "  local m=merge(x,y,2,3)",
    "  m[1]=n",
    "  return pk(m)",
    "end",
    "apply(tonumber(ARGV[10]),2,'n|',function(a,b,i,q)",
    "  a[i],b[i]=mirror(a[i],ARGV[q+1]),mirror(b[i],ARGV[q+1])",
    "end)",
    /* Sets: the first to come is the set, the others merge by way of the scratch key, which no one else ever sees. */
    "local nS,scratch=tonumber(ARGV[11]),false",
    "for i=1,nS do",
    "  local k=KEYS[5+i]",
    "  if not call('SET',k,ARGV[p+i],'EX',ttl,'NX') then",
    "    scratch=true",
    "    call('SET',KEYS[5],ARGV[p+i])",
    "    call('PFMERGE',k,KEYS[5])",
    "    call('EXPIRE',k,ttl)",
    "  end",
    "end",
    "if scratch then call('DEL',KEYS[5]) end",
    "if p>11 then call('EXPIRE',iv,ttl) end",
    /* The last batch of an interval says so to whoever waits for it. */
    "if ARGV[5]~='-1' then",
    "  call('XADD',KEYS[4],'MAXLEN','~',1000,'*','t',T,'i',ARGV[4],'n',ARGV[5])",
    "end",
    "return seq",
};

void redis_script_append(struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        buf_append_str(out, lines[i]);
        buf_append_char(out, '\n');
    }
}
