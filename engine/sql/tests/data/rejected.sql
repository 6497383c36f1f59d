create database c1.noroot
delete databases root.c1.b, root.c1.t
set ttl to root.c4.a -5
insert into root.c5.d1(time,s5) values(1970/01/01T00:00:00.010Z, 10)
insert into root.c5.d1(time,s7) values(1, 1e3),(2,-2.5e-3),(3,0x10)
select i from root.c7.d1 where time > 1970-01-01T00:00:00.300Z
select count(s1) from root.c11.d1 where time >= 2000 and time < 6000 group by 2s
select count(s1) from root.c11.d1 group by ([0,10000))
select count(s1) from root.c11.m group by ([2024-01-01T00:00:00Z,2024-06-01T00:00:00Z),1mo)
select substring(t, 2 for 2), substring(t from 1 for 2), substring(t, 2) from root.c15.d1
create user root 'whatever'
create role root
grant nope on root.** to user amyuser
grant read_data on c18.** to user amyuser
revoke all on root.** from user root
drop user root
show current_user
show current_sql_dialect
show schema
show data types
show encodings
/* c */ select s1 from root.c22.d1
explain analyze nope
selec s1 from root.c23.d1
select s1
select s1 from
select s1 from root.c23.d1 where
select s1 from root.c23..d1
select s1 from c23.d1
select s1 from root.c23.d1 where s1 = 
select s1 from root.c23.d1 limit x
insert into root.c23.d1 values(1,1)
insert into root.c23.d1(time,s1) value(1,1)
create timeseries root.c23.*.s1 INT32
create timeseries root.c23.time.s INT32
create timeseries root.c23.d1.time INT32
create timeseries root.c23.d1.123 INT32
create timeseries root.c23.d1.a-b INT32
drop table x
use db1
update root.c23.d1 set s1 = 1
select s1 from root.c23.d1; select t from root.c23.d1
select s1 from root.c23.d1 without null any
select s1 from root.c23.d1 into root.x
show timeseries where
insert into root.c24.d1(time,newint,newdbl,newbool,newtext,newq) values(6,1,1.5,true,abc,'abc')
