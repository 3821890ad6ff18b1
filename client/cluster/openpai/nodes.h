#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "client/carrier/carrier.h"
#include "protocol/base/asio.h"
#include "protocol/base/fd.h"

namespace rdev::cluster::openpai {

// How the cluster's nodes are reached; both empty: straight.
struct Way {
  std::string jump;               // [USER@]HOST[:PORT], by the user's own ssh, else libssh
  std::vector<std::string> dial;  // a program with "{host}" and "{port}" in its words
};

// The program that joins its stdin and stdout to HOST:PORT; empty when none is needed.
Result<std::vector<std::string>> way_command(const Way& way, const std::string& host,
                                             std::uint16_t port);

// The same without ssh: this program's own, run_jump().
inline constexpr char kJumpCommand[] = "jump-stdio";
Result<std::vector<std::string>> own_jump_command(const std::string& program,
                                                  const std::string& jump, const std::string& host,
                                                  std::uint16_t port);
// `rdev jump-stdio HOST USER PORT TARGET PORT`: not for people. The exit code.
int run_jump(const std::vector<std::string>& arguments);

// Connections to the cluster's nodes. The programs that carry them live as long as this does.
class Nodes final {
 public:
  explicit Nodes(Way way) : way_(std::move(way)) {}

  struct Connection {
    base::Fd socket;
    const carrier::Carrier* carrier = nullptr;  // until the next dial(); null: straight
  };
  awaitable<Result<Connection>> dial(std::string host, std::uint16_t port);

 private:
  Result<carrier::Carrier::Started> start(const std::vector<std::string>& argv,
                                          const std::string& host, std::uint16_t port) const;

  Way way_;
  std::vector<std::unique_ptr<carrier::Carrier>> carriers_;
};

}  // namespace rdev::cluster::openpai
