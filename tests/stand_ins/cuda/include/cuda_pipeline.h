#pragma once

// Stands in for CUDA's header of this name; see cuda_runtime.h. A copy lands when it is issued or when it is waited
// for, by chance: one that is not waited for, or that goes where others still read, shows.

#include <cstddef>

void __pipeline_memcpy_async(void* shared, const void* global, std::size_t bytes, std::size_t zero_bytes = 0);
void __pipeline_commit();
void __pipeline_wait_prior(std::size_t latest);
