; bits.smt2: the facts about bits of arithmetic.c, which WP takes as axioms, in the theory of bit
; vectors: each is denied for values of 64 bits, and z3 must find that impossible (unsat).
(declare-const x (_ BitVec 64))
(declare-const y (_ BitVec 64))
(define-const high (_ BitVec 64) #xffffffff00000000)
(define-const low (_ BitVec 64) #x00000000ffffffff)
(define-fun wide ((v (_ BitVec 64))) (_ BitVec 128) ((_ zero_extend 64) v))

; and_range
(push)
(assert (not (and (bvule (bvand x y) x) (bvule (bvand x y) y))))
(check-sat)
(pop)
; mask
(push)
(assert (not (= (bvadd (wide (bvand x (bvnot y))) (wide (bvand x y))) (wide x))))
(check-sat)
(pop)
; halves: the sum is taken wide, so that it cannot wrap
(push)
(assert (not (= (bvadd (wide (bvand x high)) (wide (bvand x low))) (wide x))))
(check-sat)
(pop)
; shift
(push)
(assert (not (= (bvmul (wide (bvlshr x #x0000000000000020)) (wide #x0000000100000000)) (wide (bvand x high)))))
(check-sat)
(pop)
