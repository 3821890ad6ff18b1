#include "client/cluster/openpai/nodes.h"

#include <utility>

#include "client/carrier/host.h"
#include "client/carrier/tcp.h"
#include "protocol/base/with_timeout.h"

namespace rdev::cluster::openpai {
namespace {

constexpr std::chrono::seconds kConnectLimit{10};

std::string replaced(std::string word, std::string_view what, const std::string& by) {
  for (std::size_t at = 0; (at = word.find(what, at)) != std::string::npos; at += by.size()) {
    word.replace(at, what.size(), by);
  }
  return word;
}

Result<std::vector<std::string>> jump_command(const std::string& jump, const std::string& host,
                                              const std::string& port) {
  const auto through = carrier::parse_host(jump);
  if (!through) {
    return prefix("jump", through.error());
  }
  std::vector<std::string> argv = {"ssh", "-T", "-o", "ConnectTimeout=10"};
  if (!through->user.empty()) {
    argv.insert(argv.end(), {"-l", through->user});
  }
  if (!through->port.empty()) {
    argv.insert(argv.end(), {"-p", through->port});
  }
  const bool is_v6 = host.find(':') != std::string::npos;
  argv.insert(argv.end(),
              {"-W", (is_v6 ? "[" + host + "]" : host) + ":" + port, "--", through->host});
  return argv;
}

}  // namespace

Result<std::vector<std::string>> way_command(const Way& way, const std::string& host,
                                             std::uint16_t port) {
  if (!way.jump.empty()) {
    return jump_command(way.jump, host, std::to_string(port));
  }
  std::vector<std::string> argv;
  argv.reserve(way.dial.size());
  for (const std::string& word : way.dial) {
    argv.push_back(replaced(replaced(word, "{host}", host), "{port}", std::to_string(port)));
  }
  return argv;
}

awaitable<Result<Nodes::Connection>> Nodes::dial(std::string host, std::uint16_t port) {
  std::erase_if(carriers_, [](const auto& carrier) { return carrier->is_over(); });
  const auto argv = way_command(way_, host, port);
  if (!argv) {
    co_return tl::make_unexpected(argv.error());
  }
  if (argv->empty()) {
    auto socket = co_await base::with_timeout(carrier::connect_tcp(host, std::to_string(port)),
                                              kConnectLimit, "connecting to " + host);
    if (!socket) {
      co_return tl::make_unexpected(socket.error());
    }
    co_return Connection{.socket = std::move(*socket)};
  }
  auto started = carrier::Carrier::start(*argv);
  if (!started) {
    co_return tl::make_unexpected(started.error());
  }
  carriers_.push_back(std::move(started->carrier));
  co_return Connection{.socket = std::move(started->socket), .carrier = carriers_.back().get()};
}

}  // namespace rdev::cluster::openpai
