#include "agent/scp/server.h"

#include <csignal>
#include <string>
#include <vector>

#include "agent/scp/expand.h"
#include "agent/scp/invocation.h"
#include "agent/scp/sink.h"
#include "agent/scp/source.h"

namespace rdev::scp {
namespace {

std::vector<std::string> expand_all(const std::vector<process::Word>& words) {
  std::vector<std::string> paths;
  for (const process::Word& word : words) {
    for (std::string& path : expand(word)) {
      paths.push_back(std::move(path));
    }
  }
  return paths;
}

Result<void> send(Peer& peer, const Invocation& asked) {
  Source source(peer, {.recursive = asked.recursive, .preserve = asked.preserve});
  if (const auto ready = peer.accepted(); !ready) {
    return tl::make_unexpected(ready.error());
  }
  for (const std::string& path : expand_all(asked.paths)) {
    if (auto sent = source.send(path); !sent) {
      return sent;
    }
  }
  return {};
}

Result<void> receive(Peer& peer, const Invocation& asked) {
  const auto paths = expand_all(asked.paths);
  if (paths.size() != 1) {
    return fail(Code::kUsage, "ambiguous target");
  }
  Sink sink(peer, {.recursive = asked.recursive,
                   .preserve = asked.preserve,
                   .into_directory = asked.into_directory});
  return sink.receive(paths.front());
}

}  // namespace

int serve(std::string_view command, int in, int out) {
  std::signal(SIGPIPE, SIG_IGN);
  Peer peer(in, out);
  const auto asked = parse_invocation(command);
  Result<void> done = fail(Code::kUsage, "not a command of a client: " + std::string(command));
  if (asked) {
    done = asked->role == Role::kSource ? send(peer, *asked) : receive(peer, *asked);
  }
  if (!done) {
    // When the client is gone there is nobody to tell.
    (void)peer.complain(done.error().message);
  }
  return peer.failed() ? 1 : 0;
}

}  // namespace rdev::scp
