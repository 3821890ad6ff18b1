#pragma once

#include <optional>
#include <string>

namespace rdev::state {

// What a person calls one of a job's instances: NAME.2 is rank 2 of the job NAME; NAME and NAME.0
// are both rank 0. Wherever code takes a "name" that is not said to be a job's, it is such a one in
// its short form: NAME for rank 0.
struct InstanceName {
  std::string job;
  int rank = 0;
};

inline constexpr int kMostInstances = 1000;

// Nothing when it is no name. A rank is a number without zeros in front, below kMostInstances.
std::optional<InstanceName> parse_instance_name(const std::string& name);
// The short form.
std::string instance_name(const std::string& job, int rank);

// Whether it is one, in its short form.
bool valid_instance_name(const std::string& name);

}  // namespace rdev::state
