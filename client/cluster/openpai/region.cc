#include "client/cluster/openpai/region.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "client/cluster/openpai/marks.h"
#include "client/sshconfig/quote.h"
#include "protocol/ssh/base64.h"

namespace rdev::cluster::openpai {
namespace {

using sshconfig::shell_quote;

// For printf(1)'s format: POSIX, "%" doubled, all that is not printable ASCII in octal.
std::string octal(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto c = static_cast<unsigned char>(bytes[i]);
    if (c == '%') {
      text += "%%";
    } else if (c > ' ' && c < 0x7f && c != '\\' && c != '\'' && c != '<' && c != '$') {
      text += static_cast<char>(c);
    } else {
      const bool digit_follows = i + 1 < bytes.size() && bytes[i + 1] >= '0' && bytes[i + 1] <= '7';
      const std::array<char, 3> digits = {static_cast<char>('0' + c / 64),
                                          static_cast<char>('0' + c / 8 % 8),
                                          static_cast<char>('0' + c % 8)};
      const int skipped = digit_follows || c >= 64 ? 0 : c >= 8 ? 1 : 2;
      text += '\\';
      text.append(digits.data() + skipped, digits.size() - static_cast<std::size_t>(skipped));
    }
  }
  return text;
}

// Variables of ours are rdev_…, so that the commands behind find nothing changed.
constexpr std::string_view kBegin = R"sh(rdev_trace=
case $- in *x*) rdev_trace=x; set +x ;; esac
rdev_fail() { echo "rdev: $*" >&2; exit 1; }
rdev_index=${PAI_CURRENT_TASK_ROLE_CURRENT_TASK_INDEX:-${PAI_TASK_INDEX:-${FC_TASK_INDEX:-0}}}
rdev_port=${PAI_CONTAINER_HOST_rdev_PORT_LIST:-}
[ -n "$rdev_port" ] || eval "rdev_port=\${PAI_PORT_LIST_@ROLE@_${rdev_index}_rdev:-}"
rdev_port=${rdev_port%%,*}
[ -n "$rdev_port" ] || rdev_fail 'the cluster gave no port of the label rdev to this container'
rdev_mode=@MODE@
case ${FC_FRAMEWORK_ATTEMPT_ID:-0}${FC_TASK_ATTEMPT_ID:-0} in 00) ;; *) rdev_mode=go ;; esac
)sh";

constexpr std::string_view kRanks = R"sh(export NODE_RANK="$rdev_index" WORLD_SIZE=@INSTANCES@
eval "MASTER_ADDR=\${PAI_HOST_IP_@ROLE@_0:-} MASTER_PORT=\${PAI_PORT_LIST_@ROLE@_0_master:-}"
MASTER_PORT=${MASTER_PORT%%,*}
export MASTER_ADDR MASTER_PORT
)sh";

constexpr std::string_view kDirectories = R"sh(rdev_places=
for rdev_dir in "${PAI_WORK_DIR:-}" /dev/shm /tmp /var/tmp "${HOME:-}" "$PWD" /run /; do
  case $rdev_dir in *[!A-Za-z0-9/._-]*|'') continue ;; esac
  [ ! -d "$rdev_dir" ] || [ ! -w "$rdev_dir" ] || rdev_places="$rdev_places $rdev_dir"
done
)sh";

constexpr std::string_view kStub = R"sh(rdev_write() {
  if [ "$(printf '\141' 2>/dev/null)" = a ]; then
    printf '@OCTAL@'
  else
    echo '@BASE64@' | base64 -d
  fi >"$1"
}
rdev_program=
for rdev_dir in $rdev_places; do
  rdev_try=$rdev_dir/.rdev-stub-$rdev_port
  if rdev_write "$rdev_try" 2>/dev/null && chmod 700 "$rdev_try" 2>/dev/null && "$rdev_try" probe 2>/dev/null; then
    rdev_program=$rdev_try
    break
  fi
  rm -f "$rdev_try" 2>/dev/null || :
done
if [ -z "$rdev_program" ]; then
  case $(uname -m 2>/dev/null || :) in
    x86_64 | '') ;;
    *) rdev_fail "this node is $(uname -m): rdev's agent is for x86_64 nodes" ;;
  esac
  rdev_fail "no directory here can run a program (tried:$rdev_places): use --inject path:FILE (in a storage) or --inject image"
fi
rdev_copy=$rdev_program
rdev_fifo=$rdev_program.up
rm -f "$rdev_fifo" 2>/dev/null || :
"$rdev_program" fifo "$rdev_fifo" || rdev_fail "cannot make $rdev_fifo"
rdev_serve() { exec "$rdev_program" serve "$rdev_port" @SHA256@ @SIZE@ @WAIT@ @LIFETIME@ "$rdev_index" $rdev_mode $rdev_places; }
)sh";

// The agent is in a file of the container, or can be fetched: no stub.
constexpr std::string_view kInPath = R"sh(rdev_from=$(command -v rdev-agent || :)
[ -n "$rdev_from" ] || rdev_fail 'the image has no rdev-agent in its PATH'
)sh";
constexpr std::string_view kInFile = R"sh(rdev_program=$rdev_from
{ [ -f "$rdev_from" ] && [ -r "$rdev_from" ]; } || rdev_fail "this container has no file $rdev_from that it can read"
rdev_get() { cat "$rdev_from" >"$1"; }
)sh";

// Perl's HTTP::Tiny is not in Debian's perl-base.
constexpr std::string_view kFetch = R"sh(rdev_get() {
  if command -v curl >/dev/null; then curl -fsSL -o "$1" "$rdev_from"
  elif command -v wget >/dev/null; then wget -q -t 1 -O "$1" "$rdev_from"
  elif command -v python3 >/dev/null; then python3 -c 'import sys,urllib.request; urllib.request.urlretrieve(*sys.argv[1:])' "$rdev_from" "$1"
  elif perl -MHTTP::Tiny -e 1 2>/dev/null; then perl -MHTTP::Tiny -e '
    open my $out, ">", pop or die $!;
    my $got = HTTP::Tiny->new->get(shift, {data_callback => sub { print $out shift }});
    exit !(close($out) && $got->{success});' "$rdev_from" "$1"
  elif [ -n "${BASH_VERSION:-}" ]; then rdev_get_with_bash "$1"
  else rdev_fail 'this image has nothing to fetch with (curl, wget, python3, perl, bash): use --inject stub'
  fi
}
rdev_get_with_bash() {
  case $rdev_from in http://*) ;; *) rdev_fail 'this image can fetch http:// only, with bash: use --inject stub' ;; esac
  rdev_rest=${rdev_from#http://}
  rdev_host=${rdev_rest%%/*}
  case $rdev_host in *:*) rdev_tcp=${rdev_host%:*}/${rdev_host##*:} ;; *) rdev_tcp=$rdev_host/80 ;; esac
  eval "exec 9<>/dev/tcp/$rdev_tcp" || return 1
  printf 'GET /%s HTTP/1.0\r\nHost: %s\r\n\r\n' "${rdev_rest#*/}" "$rdev_host" >&9
  IFS= read -r rdev_answer <&9 || :
  while IFS= read -r rdev_line <&9; do [ "$rdev_line" != "$(printf '\r')" ] || break; done
  cat <&9 >"$1"
  exec 9<&-
  case $rdev_answer in HTTP/1.?' 200 '*) ;; *) echo "$rdev_answer" >&2; return 1 ;; esac
}
rdev_program=
)sh";

// Nothing runs before its hash is known. Where the file does not run as it lies there (a mount
// without exec, no x bit) a copy may.
constexpr std::string_view kAgent = R"sh(rdev_hash() {
  if command -v sha256sum >/dev/null; then sha256sum <"$1"
  elif command -v shasum >/dev/null; then shasum -a 256 <"$1"
  elif command -v openssl >/dev/null; then openssl dgst -sha256 -r <"$1"
  elif command -v python3 >/dev/null; then python3 -c 'import hashlib,sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())' <"$1"
  else rdev_fail 'this image has nothing to check with (sha256sum, shasum, openssl, python3): use --inject stub'
  fi
}
rdev_check() {
  rdev_got=$(rdev_hash "$1") || exit 1
  case $rdev_got in
    @SHA256@*) ;;
    *) rdev_fail "$rdev_from is not the agent of this rdev: put rdev-agent there anew" ;;
  esac
}
rdev_copy=
[ -z "$rdev_program" ] || rdev_check "$rdev_program"
if ! "$rdev_program" --version >/dev/null 2>&1; then
  for rdev_dir in $rdev_places; do
    rdev_try=$rdev_dir/.rdev-agent-$rdev_port
    if { : >"$rdev_try" && chmod 700 "$rdev_try"; } 2>/dev/null; then
      rdev_get "$rdev_try" || rdev_fail "cannot fetch $rdev_from: see that the job's nodes can reach it, or use --inject stub"
      rdev_check "$rdev_try"
      if "$rdev_try" --version >/dev/null 2>&1; then
        rdev_copy=$rdev_try
        break
      fi
    fi
    rm -f "$rdev_try" 2>/dev/null || :
  done
  [ -n "$rdev_copy" ] || rdev_fail "no directory here can run the agent (tried:$rdev_places): use --inject image"
  rdev_program=$rdev_copy
fi
rdev_fifo=
for rdev_dir in $rdev_places; do
  rdev_try=$rdev_dir/.rdev-up-$rdev_port
  if "$rdev_program" internal-fifo "$rdev_try"; then rdev_fifo=$rdev_try; break; fi
done
[ -n "$rdev_fifo" ] || rdev_fail "cannot make a FIFO (tried:$rdev_places)"
rdev_serve() { exec "$rdev_program" serve --config - --listen "0.0.0.0:$rdev_port" --instance "$rdev_index" --ready-fd 3; }
)sh";

// The agent is no child of this shell: a bare `wait` among the commands behind would be for it. Who
// waits for it writes into the FIFO: its pid and, when somebody listens, how it ended. The FIFO is
// opened for both directions, which waits for nobody; a read(2) may be interrupted.
constexpr std::string_view kEnd = R"sh(exec 9<>"$rdev_fifo"
( (
  set +e
  echo '@CONFIG@' | rdev_serve 3>&9 9>&- &
  echo "$!" >&9
  exec 9>&-
  wait "$!"
  echo "end $?" >"$rdev_fifo"
) & )
rdev_pid=
rdev_said=
while [ -z "$rdev_pid" ] || [ -z "$rdev_said" ]; do
  read -r rdev_line <&9 || continue
  case $rdev_line in *[!0-9]*) rdev_said=$rdev_line ;; *) rdev_pid=$rdev_line ;; esac
done
exec 9>&-
rm -f "$rdev_copy" 2>/dev/null || :
case $rdev_said in
  end*)
    rm -f "$rdev_fifo" 2>/dev/null || :
    rdev_code=${rdev_said#end }
    echo "rdev: the agent did not start (code $rdev_code)" >&2
    [ "$rdev_code" != 0 ] || rdev_code=1
    exit "$rdev_code"
    ;;
esac
rdev_end() {
  rdev_code=$1
  trap - EXIT
  trap 'rdev_code=143; kill "$rdev_pid"' TERM
@AFTER@
  exec 9<>"$rdev_fifo"
  rdev_said='end 1'
  while [ -p "$rdev_fifo" ]; do
    read -r rdev_said <&9 || continue
    case $rdev_said in end*) break ;; esac
  done
  rm -f "$rdev_fifo" 2>/dev/null || :
  rdev_said=${rdev_said#end }
  exit "${rdev_code:-$rdev_said}"
}
trap 'rdev_end $?' EXIT
[ -z "$rdev_trace" ] || set -x
unset rdev_places rdev_dir rdev_try rdev_program rdev_copy rdev_from rdev_said rdev_line rdev_mode rdev_port rdev_index rdev_trace
)sh";

constexpr std::string_view kStay =
    R"sh(  [ "$rdev_code" = 0 ] || echo "rdev: the job's commands ended with code $rdev_code; the job stays until its time is over" >&2
  rdev_code=)sh";
constexpr std::string_view kGo = R"sh(  kill "$rdev_pid" 2>/dev/null || :)sh";

using Values = std::vector<std::pair<std::string_view, std::string>>;

// `text` with each @NAME@ that is in `values` replaced.
std::string filled(std::string_view text, const Values& values) {
  std::string result;
  while (!text.empty()) {
    const std::size_t at = std::min(text.find('@'), text.size());
    result += text.substr(0, at);
    text.remove_prefix(at);
    const std::size_t end = text.find('@', 1);
    const std::string_view name = text.substr(std::min<std::size_t>(1, text.size()), end - 1);
    const auto value = std::find_if(values.begin(), values.end(),
                                    [&](const auto& entry) { return entry.first == name; });
    if (value != values.end() && end != std::string_view::npos) {
      result += value->second;
      text.remove_prefix(end + 1);
    } else if (!text.empty()) {
      result += text.front();
      text.remove_prefix(1);
    }
  }
  return result;
}

std::string exports(const std::map<std::string, std::string>& env) {
  std::string text;
  for (const auto& [name, value] : env) {
    text += "export " + name + "=" + unexpanded(shell_quote(value)) + "\n";
  }
  return text;
}

std::string agent_start(const Region& region) {
  const std::string lifetime =
      std::to_string(region.lifetime ? region.lifetime->count() : std::int64_t{0});
  const std::string& place = region.injection.place;
  const std::string from = "rdev_from=" + unexpanded(shell_quote(place)) + "\n";
  const std::string agent = filled(kAgent, {{"SHA256", region.agent_sha256}});
  switch (region.injection.rung) {
    case Injection::Rung::kUrl:
      return from + std::string(kFetch) + agent;
    case Injection::Rung::kPath:
      return from + std::string(kInFile) + agent;
    case Injection::Rung::kImage:
      return (place.empty() ? std::string(kInPath) : from) + std::string(kInFile) + agent;
    case Injection::Rung::kStub:
      break;
  }
  return filled(kStub, {{"OCTAL", octal(region.stub)},
                        {"BASE64", ssh::base64(region.stub)},
                        {"SHA256", region.agent_sha256},
                        {"SIZE", std::to_string(region.agent_size)},
                        {"WAIT", std::to_string(region.attach_timeout.count())},
                        {"LIFETIME", lifetime}});
}

}  // namespace

std::string unexpanded(std::string quoted) {
  for (const char* pair : {"$$", "$("}) {
    for (std::size_t at = 0; (at = quoted.find(pair, at)) != std::string::npos;) {
      quoted.insert(++at, "''");
    }
  }
  return quoted;
}

std::vector<std::string> region_commands(const Region& region) {
  const bool goes = region.exit_with_command && region.has_commands;
  std::string text = "`#Auto generated code, please do not modify`\n";
  text += filled(kBegin, {{"ROLE", region.role}, {"MODE", region.has_commands ? "go" : "end"}});
  text += exports(region.env);
  if (region.instances > 1) {
    text +=
        filled(kRanks, {{"ROLE", region.role}, {"INSTANCES", std::to_string(region.instances)}});
  }
  text += kDirectories;
  text += agent_start(region);
  text += filled(
      kEnd, {{"CONFIG", "<% $secrets.rdev_agent %>"}, {"AFTER", std::string(goes ? kGo : kStay)}});
  text.pop_back();
  return {std::string(kStartMark), text, std::string(kEndMark)};
}

}  // namespace rdev::cluster::openpai
