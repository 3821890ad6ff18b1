#include "client/cluster/openpai/nodes.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "client/carrier/host.h"
#include "client/carrier/tcp.h"
#include "client/state/paths.h"
#include "protocol/base/with_timeout.h"
#include "protocol/ssh/jump.h"

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

Result<std::vector<std::string>> own_jump_command(const std::string& program,
                                                  const std::string& jump, const std::string& host,
                                                  std::uint16_t port) {
  const auto through = carrier::parse_host(jump);
  if (!through) {
    return prefix("jump", through.error());
  }
  return std::vector<std::string>{program,       kJumpCommand, through->host,       through->user,
                                  through->port, host,         std::to_string(port)};
}

int run_jump(const std::vector<std::string>& arguments) {
  if (arguments.size() != 5) {
    std::fputs("rdev: jump-stdio is for rdev's own use\n", stderr);
    return 2;
  }
  const auto done = ssh::jump(
      {.user = arguments[1],
       .host = arguments[0],
       .port = arguments[2],
       .target_host = arguments[3],
       .target_port = static_cast<std::uint16_t>(std::strtoul(arguments[4].c_str(), nullptr, 10))},
      STDIN_FILENO, STDOUT_FILENO);
  if (!done) {
    std::fprintf(stderr, "%s\n", done.error().message.c_str());
  }
  return done ? 0 : 255;
}

Result<carrier::Carrier::Started> Nodes::start(const std::vector<std::string>& argv,
                                               const std::string& host, std::uint16_t port) const {
  auto started = carrier::Carrier::start(argv);
  if (started || way_.jump.empty() || started.error().code != Code::kNotFound) {
    return started;
  }
  const auto program = state::own_program();
  const auto own = program ? own_jump_command(program->string(), way_.jump, host, port)
                           : tl::make_unexpected(program.error());
  return own ? carrier::Carrier::start(*own) : tl::make_unexpected(own.error());
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
  auto started = start(*argv, host, port);
  if (!started) {
    co_return tl::make_unexpected(started.error());
  }
  carriers_.push_back(std::move(started->carrier));
  co_return Connection{.socket = std::move(started->socket), .carrier = carriers_.back().get()};
}

}  // namespace rdev::cluster::openpai
