#pragma once

#include <string>

#include "protocol/base/result.h"

namespace rdev::cluster::openpai {

// What was asked of the server.
enum class Doing {
  kProbe,
  kLogin,
  kCheckToken,
  kSubmit,
  kStatus,
  kList,
  kConfig,
  kStop,
  kLogs,
  kEvents,
  kStorages,
  kClusters,
  kUser,
};

// An answer that is not the one asked for (status other than 2xx).
struct Refusal {
  int status = 0;
  std::string content_type;
  std::string body;
  std::string retry_after;  // the header's value; empty without one
};

// What the sentence may name; empty where it is not known.
struct Words {
  std::string cluster;  // as the user calls it
  std::string user;
  std::string virtual_cluster;
  std::string job;
  std::string storage;
  std::string login = "login";  // how to log in: `rdev cluster WORD`
};

// One line of at most 300 bytes: what failed, the server's reason in plain words, what to try.
// Never HTML, JSON or control characters of the body.
//   kNotFound     the server itself says that the job (storage, virtual cluster, user) does not
//   exist;
//                 of calls about one job only when that job is gone. A 404 of somebody else (a
//                 proxy, a wrong address) is kFailed
//   kPermission   401, 403, wrong password
//   kExists       409
//   kUsage        the job's document or another input is wrong
//   kLimit        the document is too large
//   kUnavailable  429 and 5xx: the same may work later
Error explain(Doing doing, const Refusal& refusal, const Words& words);

}  // namespace rdev::cluster::openpai
