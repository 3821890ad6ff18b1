#pragma once

#include <string>
#include <string_view>

#include "client/state/job_record.h"

namespace rdev::state {

// A record is small; what is larger was not written by us.
inline constexpr std::size_t kMaxRecordBytes = 256U << 10U;

std::string to_json(const JobRecord& record);

// Unknown members are ignored (a newer rdev may have written them); a missing or wrong name, id,
// cluster or stage, or a member of another type, is Code::kProtocol.
Result<JobRecord> parse_job_record(std::string_view text);

}  // namespace rdev::state
