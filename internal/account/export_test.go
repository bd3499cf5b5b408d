package account

import "chasqui/internal/wa"

// FillHashing takes every place to hash; release frees them.
func (s *Service) FillHashing() (release func()) {
	for range maxHashing {
		s.hashing <- struct{}{}
	}
	return func() {
		for range maxHashing {
			<-s.hashing
		}
	}
}

// CodesOf is what an org's codes are counted by.
func CodesOf(s *Service, org wa.OrgID) []byte { return s.subject("codes of|" + org.UUID()) }
