-- What the ledger's script is measured against: the least that an atomic, repeatable flush takes.
-- It adds counters, timers and sets, keeps the latest gauge, refuses what was applied and tells a gap.
-- No check of rights, types or numbers, no clock, no producer's identity: do not use it for data.
--   KEYS  producer, interval, totals, then one HyperLogLog for each set
--   ARGV  seq, ttl_s, nC, nG, nT, nS, then nC x (series, delta), nG x (series, value, stamp_ms),
--         nT x (series, msgpack {n, sum, min, max, schema, zero, lo, c0, c1 ..}), nS x (n, members ..)
--   returns  seq: applied; 0: it was already; -(last + 1): a gap
local last,seq=tonumber(redis.call('GET',KEYS[1]) or '0'),tonumber(ARGV[1])
if seq<=last then return 0 end
if seq>last+1 then return -(last+1) end
redis.call('SET',KEYS[1],seq,'EX',604800)
local iv,tot=KEYS[2],KEYS[3]
local nC,nG,nT,nS=tonumber(ARGV[3]),tonumber(ARGV[4]),tonumber(ARGV[5]),tonumber(ARGV[6])
local p,fmt,match=6,string.format,string.match
local up,pk,floor=cmsgpack.unpack,cmsgpack.pack,math.floor
local T=match(iv,':(%d+)$')

local function add(key,f,d,tail)
  local o,w=redis.call('HMGET',key,unpack(f)),{}
  for i=1,#f do
    local v=d[i]
    if o[i] then v=fmt('%.17g',match(o[i],'^%S+')+v) end
    w[2*i-1],w[2*i]=f[i],v..tail
  end
  redis.call('HSET',key,unpack(w))
end
if nC>0 then
  local f,d={},{}
  for i=1,nC do f[i],d[i],p='c|'..ARGV[p+1],ARGV[p+2],p+2 end
  add(iv,f,d,'')
  add(tot,f,d,' '..T)
end

if nG>0 then
  local f,v,ts={},{},{}
  for i=1,nG do f[i],v[i],ts[i],p='g|'..ARGV[p+1],ARGV[p+2],tonumber(ARGV[p+3]),p+3 end
  for _,key in ipairs({iv,tot}) do
    local o,w,n=redis.call('HMGET',key,unpack(f)),{},0
    for i=1,nG do
      local old=o[i] and tonumber(match(o[i],' (%d+)$'))
      if not old or ts[i]>=old then w[n+1],w[n+2],n=f[i],v[i]..' '..fmt('%d',ts[i]),n+2 end
    end
    if n>0 then redis.call('HSET',key,unpack(w)) end
  end
end

local function coarser(h,s)
  while h[5]>s do
    local lo=h[7]
    local nlo=floor((lo+1)/2)
    local r={h[1],h[2],h[3],h[4],h[5]-1,h[6],nlo}
    for j=8,#h do local x=floor((lo+j-8+1)/2)-nlo+8 r[x]=(r[x] or 0)+h[j] end
    h=r
  end
  return h
end
local function merge(a,b)
  if a[5]>b[5] then a=coarser(a,b[5]) elseif b[5]>a[5] then b=coarser(b,a[5]) end
  if b[7]<a[7] then a,b=b,a end
  a[1],a[2],a[6]=a[1]+b[1],a[2]+b[2],a[6]+b[6]
  if b[3]<a[3] then a[3]=b[3] end
  if b[4]>a[4] then a[4]=b[4] end
  local off=b[7]-a[7]
  for j=#a+1,7+off do a[j]=0 end
  for j=8,#b do a[j+off]=(a[j+off] or 0)+b[j] end
  return a
end
if nT>0 then
  local f,v={},{}
  for i=1,nT do f[i],v[i],p='h|'..ARGV[p+1],ARGV[p+2],p+2 end
  for _,key in ipairs({iv,tot}) do
    local o,w=redis.call('HMGET',key,unpack(f)),{}
    for i=1,nT do
      w[2*i-1],w[2*i]=f[i],o[i] and pk(merge(up(o[i]),up(v[i]))) or v[i]
    end
    redis.call('HSET',key,unpack(w))
  end
end

for i=1,nS do
  local k,n=KEYS[3+i],tonumber(ARGV[p+1])
  redis.call('PFADD',k,unpack(ARGV,p+2,p+1+n))
  redis.call('EXPIRE',k,ARGV[2])
  p=p+1+n
end
redis.call('EXPIRE',iv,ARGV[2])
return seq
