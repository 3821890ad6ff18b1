#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "client/cluster/openpai/schema.h"

namespace rdev::cluster::openpai {

// Job documents of protocol version 1 (JSON, OpenPAI before 1.0): `jobName`, `image`, `taskRoles`
// as a list, `command`. Servers of today take version 2 only.

// Whether `document` is one: it has a `jobName` and no `protocolVersion`.
bool is_protocol_v1(const boost::json::value& document);

struct Converted {
  boost::json::value job;          // of version 2
  std::vector<std::string> notes;  // sentences: what is not quite the same
  // What has no equal in version 2, or is wrong; pointers into the given document. Not empty: there
  // is no job.
  std::vector<Problem> problems;
};
Converted convert_protocol_v1(const boost::json::value& document);

}  // namespace rdev::cluster::openpai
