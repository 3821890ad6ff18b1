#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace rdev::cluster::openpai {

// Major, minor, patch.
using Version = std::array<int, 3>;

// "v1.8.1", "1.4", "v1.0.0-rc1"; nullopt for what does not begin so.
std::optional<Version> parse_version(std::string_view text);

struct Info {
  enum class Auth { kBasic, kOidc };
  std::string version;       // "v1.8.1"; empty when the server does not know its own
  std::string launcher;      // "k8s", "yarn"; empty when it is not said
  std::optional<Auth> auth;  // empty when it is not said: parse_auth() of another answer knows
};

// Of GET /api/v2/info (1.0 and later) and GET /api/v1 (0.15 and later). Code::kProtocol "not
// OpenPAI at all", Code::kUsage for 0.14, which answers a line of HTML.
Result<Info> parse_info(std::string_view body);

// Of GET /api/v1/authn/info.
Result<Info::Auth> parse_auth(std::string_view body);

// Code::kUsage with the reason for a cluster that rdev cannot use: older than 0.17, or on YARN.
Result<void> check_supported(const Info& info);

enum class Feature {
  kStorages,      // GET /api/v2/storages, sku-types: 1.0
  kListFilters,   // GET /api/v2/jobs?keyword=…&limit=…&withTotalCount=…: 1.2
  kEvents,        // 1.3
  kTags,          // 1.3
  kTaskAttempts,  // GET …/attempts/{n} and those of a task: 1.3
  kLogs,          // GET …/logs with locations: 1.4
};

// A server that does not know its version is taken for a new one.
bool has(const Info& info, Feature feature);

}  // namespace rdev::cluster::openpai
