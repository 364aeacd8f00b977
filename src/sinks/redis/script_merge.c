#include "sinks/redis/script_merge.h"

#include "base/slice.h"

/* One line of Lua per line of C, as in script.c, within whose text they stand. */
static const char *const lines[] = {
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
     * is v only of a finite number: text that looks like one is not equal to it.  Doubles end at
     * 2^1024: a bucket far beyond would be merged over millions of empty ones.
     */
    "local function sketch(o,s,l)",
    "  local x,t=up(o)",
    "  local n=#x",
    "  if n<l or n>l+20*2^8+16 then return end",
    "  for j=1,n do",
    "    local v=x[j]",
    "    if v*0+v~=v then return end",
    "  end",
    "  if x[s]>=-4 and x[s]<=12 and x[s]%1==0 and x[l]%1==0 and math.abs(x[l])<2^(x[s]+11) then",
    "    return x,t",
    "  end",
    "end",
};

void redis_script_merge_append(struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        buf_append_str(out, lines[i]);
        buf_append_char(out, '\n');
    }
}
