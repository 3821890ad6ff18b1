#include <filesystem>

#include "client/cluster/docker/discovery.h"
#include "client/cluster/docker/engine.h"
#include "client/commands/doctor.h"
#include "client/commands/resolve.h"
#include "protocol/base/with_timeout.h"

namespace rdev::commands {
namespace {

namespace docker = cluster::docker;

constexpr char kCheck[] = "docker";
constexpr std::chrono::milliseconds kAnswerLimit{1300};
constexpr char kCure[] = "`docker version` must work here; rdev needs no docker for other clusters";

// Its socket is where docker puts it, and not there.
bool is_not_installed(const docker::EngineAddress& address) {
  std::error_code error;
  return address.kind == docker::EngineAddress::Kind::kUnix && address.source == "default" &&
         !std::filesystem::exists(address.path, error);
}

awaitable<Result<std::string>> ask_version(docker::EngineAddress address) {
  // Asio's resolver could not be left alone in time.
  if (address.kind == docker::EngineAddress::Kind::kTcp) {
    if (const auto known = co_await resolve(address.host); !known) {
      co_return tl::make_unexpected(known.error());
    }
  }
  docker::Engine engine(std::move(address));
  const auto version = co_await docker::get_json(engine, "/version");
  if (!version) {
    co_return tl::make_unexpected(version.error());
  }
  if (!*version) {
    co_return fail(Code::kProtocol, "what answers there is no docker engine");
  }
  co_return "engine " + docker::text_at(**version, "/Version") + ", API " +
      docker::text_at(**version, "/ApiVersion");
}

awaitable<Finding> ask_engine(docker::EngineAddress address) {
  const std::string where = " at " + address.text + " (" + address.source + ")";
  if (is_not_installed(address)) {
    co_return info(kCheck, "not installed: nothing is" + where);
  }
  const bool is_named = address.source != "default";
  const auto version =
      co_await base::with_timeout(ask_version(std::move(address)), kAnswerLimit, "its answer");
  if (version) {
    co_return ok(kCheck, *version + where);
  }
  const std::string why = version.error().code == Code::kTimeout
                              ? "the engine" + where + " did not answer within 1.3 s"
                              : version.error().message;
  co_return is_named ? fault(kCheck, why, kCure) : warning(kCheck, why, kCure);
}

}  // namespace

awaitable<Findings> check_docker() {
  const auto config = docker::read_docker_config(docker::process_getenv);
  const auto address = config ? docker::find_engine("", *config, docker::process_getenv)
                              : tl::make_unexpected(config.error());
  Findings findings;
  if (address) {
    findings.push_back(co_await ask_engine(*address));
  } else {
    findings.push_back(fault(kCheck, address.error().message, kCure));
  }
  co_return findings;
}

}  // namespace rdev::commands
